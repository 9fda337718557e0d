import type * as sfn from "@aws-sdk/client-sfn";
import {
  type Execution,
  type ExecutionResult,
  type HistoryEvent,
  type InterruptedTaskRunner,
  InvalidDefinitionError,
  isOverLimit,
  type Json,
  parseJson,
  ReplayDivergedError,
  type ReplayedExecution,
  type TaskRunner,
  TaskTokens,
} from "../asl/index.ts";
import { AwsError } from "../service.ts";
import { arn, uuid, type World } from "../world.ts";
import { endedExecution, keptResult, lostResult } from "./ended-execution.ts";
import { createExecutionStore, type ExecutionStore, type KeptExecution } from "./execution-store.ts";
import type { Machines, StartableMachine } from "./machines.ts";
import { checkName, parseArn } from "./names.ts";
import type { SfnPaginate } from "./pages.ts";
import { type Redrivability, Redrives, redrivability } from "./redrive.ts";
import { type ExecutionName, type Run, Runs } from "./runs.ts";
import { executionStatusChange } from "./status-event.ts";

export type { ExecutionName } from "./runs.ts";

/** A closed execution is forgotten, and its name free again, after 90 days. */
const RETENTION_MILLISECONDS = 90 * 24 * 3_600_000;

/** An execution as Step Functions keeps it. */
export interface ExecutionRecord {
  readonly executionArn: string;
  readonly name: string;
  readonly machine: StartableMachine;
  readonly input: string;
  readonly startDate: Date;
  readonly redrives: Redrives;
  /** The run under way, or the last one: a redrive begins another. */
  execution: Execution;
  status: sfn.ExecutionStatus;
  stopDate: Date | undefined;
  result: ExecutionResult | undefined;
  /** Resolves when the run has ended and everybody has been told. */
  ended: Promise<ExecutionResult>;
}

/** Told of each event of each execution as it is recorded. Must not throw. */
export type HistoryListener = (event: HistoryEvent, execution: ExecutionName) => void;

/** What became of the executions of an earlier process. */
export interface Restored {
  /** Those that go on. */
  readonly open: number;
  /** ARNs of those that could not be run again to where they were; they ended as FAILED. */
  readonly lost: readonly string[];
}

/** The executions, open and closed. Throws AwsError under AWS's names. */
export class Executions {
  readonly tokens: TaskTokens;
  readonly #world: World;
  readonly #machines: Machines;
  readonly #store: ExecutionStore;
  readonly #runs: Runs;
  readonly #records = new Map<string, ExecutionRecord>();
  readonly #listeners = new Set<HistoryListener>();
  readonly #interrupted: ReplayedExecution[] = [];
  #isStopped = false;

  constructor(world: World, machines: Machines, tasks: TaskRunner) {
    this.#world = world;
    this.#machines = machines;
    this.#store = createExecutionStore(world);
    this.tokens = new TaskTokens(world.random);
    this.#runs = new Runs(world, {
      tasks,
      tokens: this.tokens,
      store: this.#store,
      onEvent: (event, names) => {
        for (const listener of this.#listeners) listener(event, names);
      },
    });
  }

  /** Brings back what an earlier process kept. The open ones stand where they were until `goOn`. */
  async restore(): Promise<Restored> {
    const lost: string[] = [];
    let open = 0;
    for (const [executionArn, kept] of this.#store.all()) {
      const { end } = kept;
      if (end !== undefined && this.#world.clock.now() - end.at > RETENTION_MILLISECONDS) {
        this.#store.forget(executionArn);
        continue;
      }
      const record = this.#revive(executionArn, kept);
      this.#records.set(executionArn, record);
      if (end !== undefined) for (const token of end.tokens) this.tokens.close(token);
      else if (await this.#replay(record, kept)) open += 1;
      else lost.push(executionArn);
    }
    return { open, lost };
  }

  /** Lets the open executions go on. */
  goOn(interrupted: InterruptedTaskRunner): void {
    for (const replayed of this.#interrupted.splice(0)) replayed.goOn(interrupted);
  }

  /** Starts an execution, or finds the open one of the same name and input. */
  start(input: sfn.StartExecutionCommandInput): ExecutionRecord {
    const machine = this.#machines.startable(input.stateMachineArn ?? "");
    const name = input.name ?? uuid(this.#world.random);
    checkName(name);
    const text = input.input ?? "{}";
    const value = parseInput(text);
    const executionArn = arn(this.#world, "states", `execution:${machine.name}:${name}`);
    const existing = this.#records.get(executionArn);
    if (existing && !this.#isForgotten(existing)) {
      if (existing.status === "RUNNING" && existing.input === text) return existing;
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${executionArn}'`);
    }
    return this.#begin(machine, executionArn, name, text, value);
  }

  find(executionArn: string): ExecutionRecord {
    parseArn(executionArn, "execution");
    const record = this.search(executionArn);
    if (record) return record;
    throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${executionArn}'`);
  }

  search(executionArn: string): ExecutionRecord | undefined {
    return this.#records.get(executionArn);
  }

  /** Newest first, as ListExecutions gives them. */
  list(
    pages: SfnPaginate,
    input: sfn.ListExecutionsCommandInput,
  ): Omit<sfn.ListExecutionsCommandOutput, "$metadata"> {
    if (input.stateMachineArn === undefined) {
      throw new AwsError(
        "ValidationException",
        "ListExecutions expects a stateMachineArn; map runs are not supported",
      );
    }
    const wanted = input.stateMachineArn;
    this.#machines.startable(wanted);
    const all = [...this.#records.values()].reverse().filter(({ machine, status, redrives }) => {
      const isOfMachine = machine.stateMachineArn === wanted || machine.versionArn === wanted;
      const hasStatus = input.statusFilter === undefined || status === input.statusFilter;
      const isRedriven = redrives.count > 0 ? "REDRIVEN" : "NOT_REDRIVEN";
      return isOfMachine && hasStatus && (input.redriveFilter ?? isRedriven) === isRedriven;
    });
    const { items, nextToken } = pages("ListExecutions", all, ({ executionArn }) => executionArn, input);
    const executions = items.map(
      ({ executionArn, name, machine, status, startDate, stopDate, redrives }) => ({
        executionArn,
        stateMachineArn: machine.stateMachineArn,
        stateMachineVersionArn: machine.versionArn,
        name,
        status,
        startDate,
        stopDate,
        redriveCount: redrives.count,
        redriveDate: redrives.date,
      }),
    );
    return { executions, nextToken };
  }

  /** Whether an execution can be redriven now. */
  redrivability(record: ExecutionRecord): Redrivability {
    const isDeleting = this.#machines.isDeleting(record.machine.stateMachineArn);
    return redrivability(record, this.#world.clock.now(), isDeleting);
  }

  /** Lets an execution that did not succeed go on from where it failed. Throws ExecutionNotRedrivable. */
  redrive({ executionArn = "", clientToken }: sfn.RedriveExecutionCommandInput): { redriveDate: Date } {
    const record = this.find(executionArn);
    const now = this.#world.clock.now();
    const repeated = record.redrives.repeated(clientToken, now);
    if (repeated) return { redriveDate: repeated };
    const { redriveStatusReason: reason } = this.redrivability(record);
    if (reason !== undefined) throw new AwsError("ExecutionNotRedrivable", reason);
    const request = { ...record, input: parseInput(record.input) };
    const redriveCount = record.redrives.count + 1;
    const run = this.#runs.begin(request, { history: record.execution.history, redriveCount });
    if (!run) throw new AwsError("ExecutionNotRedrivable", "Execution has no state to be redriven from");
    const redriveDate = new Date(now);
    record.redrives.add(redriveDate, clientToken);
    this.#run(record, run);
    return { redriveDate };
  }

  hasOpen(stateMachineArn: string): boolean {
    return [...this.#records.values()].some(
      ({ machine, status }) => machine.stateMachineArn === stateMachineArn && status === "RUNNING",
    );
  }

  /** Returns what takes the listener away again. */
  listen(listener: HistoryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Aborts whatever is open, without telling the bus: the service is going away. What is kept of it stays open. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const replayed of this.#interrupted.splice(0)) replayed.abandon();
    const open = [...this.#records.values()].filter(({ status }) => status === "RUNNING");
    for (const { execution } of open) execution.stop(undefined, "The local Step Functions was stopped.");
    await Promise.all(open.map(({ ended }) => ended));
  }

  #isForgotten({ stopDate }: ExecutionRecord): boolean {
    return stopDate !== undefined && this.#world.clock.now() - stopDate.getTime() > RETENTION_MILLISECONDS;
  }

  #begin(
    machine: StartableMachine,
    executionArn: string,
    name: string,
    input: string,
    value: Json,
  ): ExecutionRecord {
    const run = this.#runs.begin({ executionArn, name, machine, input: value });
    if (!run) throw new TypeError("Only a redrive can find nothing to begin with.");
    const record: ExecutionRecord = {
      executionArn,
      name,
      machine,
      input,
      startDate: new Date(run.kept.startedAt),
      redrives: new Redrives(),
      execution: run.execution,
      status: "RUNNING",
      stopDate: undefined,
      result: undefined,
      ended: run.execution.result,
    };
    this.#records.set(executionArn, record);
    this.#run(record, run);
    return record;
  }

  /** The record follows a run of its execution to its end, and is kept at both. */
  #run(record: ExecutionRecord, run: Run): void {
    this.#follow(record, run);
    this.#keep(record, run);
    this.#tell(record);
  }

  #follow(record: ExecutionRecord, run: Run): void {
    const { execution } = run;
    record.execution = execution;
    record.status = "RUNNING";
    record.stopDate = undefined;
    record.result = undefined;
    record.ended = execution.result
      .catch(crashed(execution))
      .then((result) => this.#close(record, run, result));
  }

  #keep(record: ExecutionRecord, { kept, tokens }: Run, result?: ExecutionResult): void {
    const { name, machine, input, startDate, redrives } = record;
    this.#store.put(record.executionArn, {
      name,
      machine,
      input,
      startedAt: startDate.getTime(),
      redrives: redrives.kept,
      run: kept,
      end: result && {
        status: result.status,
        at: this.#world.clock.now(),
        output: result.outputText,
        error: result.error,
        cause: result.cause,
        tokens,
      },
    });
  }

  /** The record of a kept execution, with its end if it has one. */
  #revive(executionArn: string, kept: KeptExecution): ExecutionRecord {
    const { name, input, startedAt, end } = kept;
    const history = () => this.#store.history(executionArn);
    const result = keptResult(end, history);
    const execution = endedExecution(result, history, this.tokens);
    return {
      executionArn,
      name,
      machine: { ...kept.machine, revision: this.#machines.revive(kept.machine.revision) },
      input,
      startDate: new Date(startedAt),
      redrives: new Redrives(kept.redrives),
      execution,
      status: end?.status ?? "RUNNING",
      stopDate: end && new Date(end.at),
      result: end && result,
      ended: execution.result,
    };
  }

  /** Brings an open execution to where it was; one that cannot be brought there ends. */
  async #replay(record: ExecutionRecord, { run }: KeptExecution): Promise<boolean> {
    try {
      const replayed = await this.#runs.replay({ ...record, input: parseInput(record.input) }, run);
      this.#follow(record, replayed);
      this.#interrupted.push(replayed.replayed);
      return true;
    } catch (error) {
      if (!(error instanceof ReplayDivergedError || error instanceof InvalidDefinitionError)) throw error;
      const before = this.#store.history(record.executionArn);
      const result = lostResult(error, before, this.#world.clock.now());
      this.#store.journal(record.executionArn, 0).events(result.history.slice(before.length));
      const execution = endedExecution(result, () => result.history, this.tokens);
      this.#follow(record, { execution, kept: run, tokens: [] });
      await record.ended;
      return false;
    }
  }

  #close(record: ExecutionRecord, run: Run, result: ExecutionResult): ExecutionResult {
    record.status = result.status;
    record.result = result;
    record.stopDate = new Date(this.#world.clock.now());
    this.#keep(record, run, result);
    this.#tell(record);
    const { stateMachineArn } = record.machine;
    if (!this.hasOpen(stateMachineArn)) this.#machines.afterLastExecution(stateMachineArn);
    return result;
  }

  #tell(record: ExecutionRecord): void {
    if (!this.#isStopped) this.#world.emit(executionStatusChange(record, this.redrivability(record)));
  }
}

function parseInput(text: string): Json {
  if (isOverLimit(text)) {
    throw new AwsError("InvalidExecutionInput", "Invalid Execution Input: it is larger than 256 KiB");
  }
  try {
    return parseJson(text);
  } catch {
    throw new AwsError("InvalidExecutionInput", "Invalid Execution Input: 'Invalid JSON input'");
  }
}

/** A defect of the engine ends the execution too, and says that it is one. */
function crashed(execution: Execution) {
  return (error: unknown): ExecutionResult => ({
    status: "FAILED",
    output: undefined,
    outputText: undefined,
    error: "States.Runtime",
    cause: `The engine itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    history: execution.history,
  });
}
