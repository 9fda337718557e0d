import type { HistoryEvent, IterationDetails } from "./history.ts";
import { type Payload, parsePayload } from "./json.ts";
import type { Assigned } from "./scope.ts";
import type { Flow, State, StateMachine } from "./state-machine.ts";

/** Where a flow stands that has not come to its end: the state under way, and what it had when it was entered. */
export interface Position {
  readonly name: string;
  readonly input: Payload;
  readonly enteredId: number;
  /** Milliseconds since the epoch. */
  readonly enteredTime: number;
  /** The flow's own variables. */
  readonly variables: readonly Assigned[];
  /** Of a Parallel or Map that has begun its work: its branches or iterations by their index, as far as begun. */
  readonly branches: ReadonlyMap<number, BranchPosition> | undefined;
}

/** What became of a branch or an iteration that has begun. */
export type BranchPosition =
  | { readonly kind: "done"; readonly output: Payload }
  | { readonly kind: "open"; readonly position: Position };

/** One line of work, as its events tell of it. */
interface Line {
  readonly flow: Flow;
  readonly parent: Line | undefined;
  readonly variables: Map<string, Assigned>;
  visit: OpenVisit | undefined;
  output: Payload | undefined;
}

interface OpenVisit {
  readonly state: State;
  readonly input: Payload;
  readonly enteredId: number;
  readonly enteredTime: number;
  /** The lines that its latest attempt has begun, if there was one. */
  lines: Map<number, Line> | undefined;
  /** Whether a Parallel or Map has given up, so that what follows is about the states around it. */
  hasFailed: boolean;
}

/**
 * Reads from the history of an execution where it stands: a redrive goes on from there. Undefined where no
 * state is under way.
 */
export function positionOf(machine: StateMachine, history: readonly HistoryEvent[]): Position | undefined {
  const reader = new HistoryReader(machine);
  for (const event of history) reader.read(event);
  return positionOfLine(reader.root);
}

/** Where a branch or an iteration goes on; undefined where it begins. */
export function openPosition(
  branches: ReadonlyMap<number, BranchPosition> | undefined,
  index: number,
): Position | undefined {
  const branch = branches?.get(index);
  return branch?.kind === "open" ? branch.position : undefined;
}

function positionOfLine({ visit, variables }: Line): Position | undefined {
  if (!visit) return undefined;
  const { state, input, enteredId, enteredTime, lines } = visit;
  return {
    name: state.name,
    input,
    enteredId,
    enteredTime,
    variables: [...variables.values()],
    branches: lines && branchesOf(lines),
  };
}

function branchesOf(lines: ReadonlyMap<number, Line>): ReadonlyMap<number, BranchPosition> {
  const branches = new Map<number, BranchPosition>();
  for (const [index, line] of lines) {
    const position = positionOfLine(line);
    if (position) branches.set(index, { kind: "open", position });
    else if (line.output) branches.set(index, { kind: "done", output: line.output });
  }
  return branches;
}

/**
 * Finds for each event the line of work that it belongs to. Names of states are unique in a machine, so they
 * tell the flow; which iteration of a Map it is, the chain of previousEventId tells.
 */
class HistoryReader {
  readonly root: Line;
  /** Event id → the line it belongs to. */
  readonly #lines = new Map<number, Line>();
  /** State name → the flow that it is in. */
  readonly #flows = new Map<string, Flow>();

  constructor(machine: StateMachine) {
    this.root = lineIn(machine, undefined);
    this.#index(machine);
  }

  read(event: HistoryEvent): void {
    this.#lines.set(event.id, this.#lineOf(event));
  }

  #index(flow: Flow): void {
    for (const state of flow.states.values()) {
      this.#flows.set(state.name, flow);
      for (const inner of innerFlows(state)) this.#index(inner);
    }
  }

  #lineOf(event: HistoryEvent): Line {
    const previous = this.#lines.get(event.previousEventId) ?? this.root;
    if (event.stateEnteredEventDetails) return this.#entered(event, event.stateEnteredEventDetails, previous);
    if (event.stateExitedEventDetails) return this.#exited(event.stateExitedEventDetails, previous);
    if (event.mapIterationStartedEventDetails)
      return iterationStarted(event.mapIterationStartedEventDetails, previous);
    if (event.evaluationFailedEventDetails)
      return this.#lineFor(event.evaluationFailedEventDetails.state, previous);
    switch (event.type) {
      case "ParallelStateStarted":
      case "MapStateStarted":
        return attempted(previous, { hasFailed: false });
      case "ParallelStateFailed":
      case "MapStateFailed":
        return attempted(previous, { hasFailed: true });
      case "ExecutionRedriven":
        reopen(this.root);
        return this.root;
      default:
        return previous;
    }
  }

  #entered(
    event: HistoryEvent,
    { name, input }: { readonly name: string; readonly input: string },
    previous: Line,
  ): Line {
    const line = this.#lineFor(name, previous);
    const state = line.flow.states.get(name);
    if (state) {
      line.output = undefined;
      line.visit = {
        state,
        input: parsePayload(input),
        enteredId: event.id,
        enteredTime: event.timestamp,
        lines: undefined,
        hasFailed: false,
      };
    }
    return line;
  }

  #exited(details: NonNullable<HistoryEvent["stateExitedEventDetails"]>, previous: Line): Line {
    const line = this.#lineFor(details.name, previous);
    line.visit = undefined;
    line.output = parsePayload(details.output);
    for (const [name, text] of Object.entries(details.assignedVariables ?? {}))
      line.variables.set(name, { name, ...parsePayload(text) });
    return line;
  }

  /** The line at or above `from` in whose flow the state is, or else the branch of the Parallel under way there. */
  #lineFor(stateName: string, from: Line): Line {
    const flow = this.#flows.get(stateName) ?? this.root.flow;
    for (let line: Line | undefined = from; line; line = line.parent) if (line.flow === flow) return line;
    const visit = from.visit;
    const index = visit ? innerFlows(visit.state).indexOf(flow) : -1;
    if (!visit || index < 0) return from;
    visit.lines ??= new Map();
    const line = visit.lines.get(index) ?? lineIn(flow, from);
    visit.lines.set(index, line);
    return line;
  }
}

function lineIn(flow: Flow, parent: Line | undefined): Line {
  return { flow, parent, variables: new Map(), visit: undefined, output: undefined };
}

function innerFlows(state: State): readonly Flow[] {
  if (state.type === "Parallel") return state.branches;
  return state.type === "Map" ? [state.processor] : [];
}

/** An iteration's start hangs off the Map's, or off the last event of another iteration. */
function iterationStarted({ name, index }: IterationDetails, from: Line): Line {
  for (let line: Line | undefined = from; line; line = line.parent) {
    const { visit } = line;
    if (visit?.state.type !== "Map" || visit.state.name !== name || visit.hasFailed) continue;
    const iteration = lineIn(visit.state.processor, line);
    visit.lines ??= new Map();
    visit.lines.set(index, iteration);
    return iteration;
  }
  return from;
}

/** A Parallel or Map begins an attempt, or gives up: the innermost one at or above `from` that has not given up. */
function attempted(from: Line, { hasFailed }: { readonly hasFailed: boolean }): Line {
  for (let line: Line | undefined = from; line; line = line.parent) {
    const { visit } = line;
    if (!visit || visit.hasFailed || innerFlows(visit.state).length === 0) continue;
    visit.hasFailed = hasFailed;
    if (!hasFailed) visit.lines = new Map();
    return line;
  }
  return from;
}

/** What had given up goes on. */
function reopen({ visit }: Line): void {
  if (!visit) return;
  visit.hasFailed = false;
  for (const line of visit.lines?.values() ?? []) reopen(line);
}
