import {
  createVirtualClock,
  type ExecutionResult,
  type HistoryEvent,
  InvalidDefinitionError,
  type Json,
  parseStateMachine,
  type StateMachine,
  startExecution,
  TaskError,
  type TaskRunner,
  TaskTokens,
} from "../asl/index.ts";
import { Comparison, isRecord } from "./comparison.ts";
import type { ExecutionRecording, RecordedEvent, RecordedTask, Verdict } from "./recording.ts";

/** Members that AWS's events have and the recordings leave out. */
const LEFT_OUT = new Set(["inputDetails", "outputDetails", "assignedVariablesDetails", "roleArn"]);
/** Members that AWS's events give as JSON texts and the recordings decoded. */
const DECODED = new Set(["input", "output", "parameters"]);

/** Runs a recorded execution with the recorded answers of its tasks and compares all that came of it. */
export async function judgeExecution(recording: ExecutionRecording): Promise<Verdict> {
  const { id } = recording;
  if (recording.kind.startsWith("express"))
    return { id, outcome: "unsupported", feature: "Express workflows" };
  let machine: StateMachine;
  try {
    machine = parseStateMachine(recording.definition);
  } catch (error) {
    if (!(error instanceof InvalidDefinitionError)) throw error;
    const feature = error.problems.find((problem) => problem.feature !== undefined)?.feature;
    if (feature !== undefined) return { id, outcome: "unsupported", feature };
    return { id, outcome: "failed", difference: error.message };
  }
  try {
    const difference = compare(recording, await replay(machine, recording));
    return difference === undefined ? { id, outcome: "passed" } : { id, outcome: "failed", difference };
  } catch (error) {
    return { id, outcome: "failed", difference: String(error) };
  }
}

async function replay(machine: StateMachine, recording: ExecutionRecording): Promise<ExecutionResult> {
  const clock = createVirtualClock({ start: Date.UTC(2026, 0, 1) });
  const random = seeded();
  const tokens = new TaskTokens(random);
  const execution = startExecution({
    machine,
    input: recording.input,
    tasks: answers(recording.taskResults, tokens),
    clock,
    random,
    tokens,
    region: "<region>",
    context: {
      executionArn: "arn:aws:states:us-east-1:111111111111:execution:machine:execution",
      executionName: "execution",
      stateMachineArn: "arn:aws:states:us-east-1:111111111111:stateMachine:machine",
      stateMachineName: "machine",
      roleArn: "arn:aws:iam::111111111111:role/machine",
    },
  });
  if (recording.external?.some(({ action }) => action === "StopExecution")) {
    await clock.advance(1000);
    execution.stop();
  }
  return clock.runUntil(execution.result);
}

/** The recorded answers, the n-th attempt of a state getting the n-th of that state. */
function answers(recorded: readonly RecordedTask[], tokens: TaskTokens): TaskRunner {
  const left = new Map<string, RecordedTask[]>();
  for (const task of recorded) left.set(task.state, [...(left.get(task.state) ?? []), task]);
  return async (task) => {
    const answer = left.get("*")?.[0] ?? left.get(task.stateName)?.shift();
    if (!answer) throw new Error(`The recording has no further attempt of the state '${task.stateName}'`);
    const isCallback = task.target.kind === "integration" && task.target.pattern === "waitForTaskToken";
    if (isCallback && task.token !== undefined && answer.submitted !== undefined) {
      const { token } = task;
      queueMicrotask(() => queueMicrotask(() => complete(answer, token, tokens)));
      return answer.submitted;
    }
    if (answer.submitted !== undefined) task.submitted(answer.submitted);
    if (answer.outcome === "succeeded") return answer.output ?? null;
    if (answer.outcome === "failed") throw new TaskError(answer.error, answer.cause);
    return new Promise<Json>(() => {});
  };
}

function complete(answer: RecordedTask, token: string, tokens: TaskTokens): void {
  if (answer.outcome === "succeeded") tokens.succeed(token, JSON.stringify(answer.output ?? null));
  if (answer.outcome === "failed") tokens.fail(token, answer.error, answer.cause);
}

/** Numbers in [0, 1) that are the same each time. */
export function seeded() {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function compare(recording: ExecutionRecording, result: ExecutionResult): string | undefined {
  const { expected, placeholders, unrecorded = [] } = recording;
  const comparison = new Comparison([...placeholders, ...unrecorded]);
  const { status, output, error, cause } = result;
  const ends = {
    status: expected.status,
    output: expected.output,
    error: expected.error,
    cause: expected.cause,
  };
  const end = comparison.difference(ends, { status, output, error, cause }, "result");
  if (end !== undefined || !expected.history) return end;
  return compareHistories(
    comparison,
    recording.historyOrder,
    expected.history,
    result.history.map(asRecorded),
  );
}

/** An event of the engine in the form of the recordings. */
function asRecorded(event: HistoryEvent): RecordedEvent {
  const { id, previousEventId, type } = event;
  const given = Object.entries(event).find(([name]) => name.endsWith("EventDetails"))?.[1];
  const details: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(isRecord(given) ? given : {})) {
    if (LEFT_OUT.has(name)) continue;
    if (name === "assignedVariables" && isRecord(value)) {
      details[name] = Object.fromEntries(Object.entries(value).map(([key, text]) => [key, decoded(text)]));
    } else details[name] = DECODED.has(name) ? decoded(value) : value;
  }
  return { id, previousEventId, type, details };
}

function decoded(value: unknown): unknown {
  return typeof value === "string" ? JSON.parse(value) : value;
}

function compareHistories(
  comparison: Comparison,
  order: ExecutionRecording["historyOrder"],
  expected: readonly RecordedEvent[],
  actual: readonly RecordedEvent[],
): string | undefined {
  if (order === "concurrent") {
    // Any interleaving is right: events are compared by what they follow from, not by their ids.
    return compareSets(comparison, lineages(expected), lineages(actual));
  }
  const sorted = expected.filter(({ id }) => id === 0);
  for (const [index, event] of expected.filter(({ id }) => id !== 0).entries()) {
    const found = order === "exact" ? actual[index] : actual.find(({ id }) => id === event.id);
    const difference = comparison.difference(
      comparable(event),
      found && comparable(found),
      `event ${event.id}`,
    );
    if (difference !== undefined) return difference;
  }
  if (order === "exact") {
    return expected.length === actual.length
      ? undefined
      : `events: expected ${expected.length}, but got ${actual.length}`;
  }
  const known = new Set(expected.map(({ id }) => id));
  // What the recorder sorted lost its ids, and the events that end a Parallel are missing among it.
  const inside = actual.filter(
    ({ id, type }) => !known.has(id) && !/^ParallelState(Succeeded|Failed)$/.test(type),
  );
  const bare = ({ type, details }: RecordedEvent) => ({ type, details: details ?? {} });
  return compareSets(comparison, sorted.map(bare), inside.map(bare));
}

function comparable({ id, previousEventId, type, details }: RecordedEvent) {
  return { id, previousEventId, type, details: details ?? {} };
}

/** Each event with the chain of events that it follows from. */
function lineages(events: readonly RecordedEvent[]): unknown[] {
  const known = new Map<number, unknown>();
  return events.map(({ id, previousEventId, type, details }) => {
    const lineage = { type, details: details ?? {}, after: known.get(previousEventId) ?? null };
    known.set(id, lineage);
    return lineage;
  });
}

function compareSets(
  comparison: Comparison,
  expected: readonly unknown[],
  actual: readonly unknown[],
): string | undefined {
  const left = [...actual];
  for (const event of expected) {
    const index = left.findIndex((candidate) => comparison.difference(event, candidate, "") === undefined);
    if (index < 0) return `events: no event like ${JSON.stringify(event).slice(0, 600)}`;
    left.splice(index, 1);
  }
  return left.length === 0 ? undefined : `events: unexpected ${JSON.stringify(left[0]).slice(0, 600)}`;
}
