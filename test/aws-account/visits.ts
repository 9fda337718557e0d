import type { HistoryEvent } from "@aws-sdk/client-sfn";
import type { Json, JsonObject } from "../../local/asl/index.ts";
import { isObject } from "../../local/asl/index.ts";
import type { Definitions, Flow } from "./definitions.ts";

/** One stay of an execution in a state, as its history tells of it. */
export interface Visit {
  readonly state: string;
  readonly input: Json;
  /** All that the state can read, of its own flow and of those around it. */
  readonly variables: JsonObject;
  /** Milliseconds since the epoch. */
  readonly enteredAt: number;
  /** Of a Task: each time that its work was done. Of a Parallel or Map: the outputs inside, or the failure. */
  readonly attempts: readonly Attempt[];
  /** How it was left; undefined where a Fail state ended the flow. */
  readonly exit: Exit | undefined;
}

export interface Attempt {
  /** What a Task was given. */
  readonly parameters: Json | undefined;
  readonly outcome:
    | { readonly result: Json }
    | { readonly error: string; readonly cause: string | undefined };
}

export interface Exit {
  readonly output: Json;
  readonly assigned: JsonObject;
  /** Undefined at the end of the flow. */
  readonly next: string | undefined;
}

/** The stays that a history tells of as a whole: those that were cut off are left out. */
export function visitsOf(definitions: Definitions, events: readonly HistoryEvent[]): Visit[] {
  const lines = new Lines(definitions, events);
  return events.flatMap((event) => lines.visit(event) ?? []);
}

/** Follows the events of a history back along what each follows from. */
class Lines {
  readonly #definitions: Definitions;
  readonly #events: readonly HistoryEvent[];
  readonly #byId = new Map<number | undefined, HistoryEvent>();
  readonly #after = new Map<number | undefined, HistoryEvent[]>();
  /** The event of entering → that of leaving. */
  readonly #exits = new Map<number, HistoryEvent>();

  constructor(definitions: Definitions, events: readonly HistoryEvent[]) {
    this.#definitions = definitions;
    this.#events = events;
    for (const event of events) {
      this.#byId.set(event.id, event);
      this.#after.set(event.previousEventId, [...(this.#after.get(event.previousEventId) ?? []), event]);
      const name = event.stateExitedEventDetails?.name;
      const entered = name === undefined ? undefined : this.#enteredBefore(event, name);
      if (entered?.id !== undefined) this.#exits.set(entered.id, event);
    }
  }

  visit(entered: HistoryEvent): Visit | undefined {
    const { name, input } = entered.stateEnteredEventDetails ?? {};
    if (name === undefined || entered.id === undefined) return undefined;
    const { type } = this.#definitions.state(name);
    const left = this.#exits.get(entered.id);
    if (left === undefined && type !== "Fail") return undefined;
    const attempts = type === "Task" ? this.#attempts(entered) : this.#inside(entered, left, type);
    if (attempts === undefined) return undefined;
    const exit = left && this.#exit(left, name);
    // Whoever stopped the execution did it before the next state was entered.
    if (exit !== undefined && exit.next === undefined && !this.#definitions.endsFlow(name)) return undefined;
    return {
      state: name,
      input: parsed(input),
      variables: this.#variables(entered, this.#definitions.flow(name)),
      enteredAt: entered.timestamp?.getTime() ?? 0,
      attempts,
      exit,
    };
  }

  /** An event and all that it follows from, the latest first. */
  *#back(event: HistoryEvent): Generator<HistoryEvent> {
    for (let one: HistoryEvent | undefined = event; one; one = this.#byId.get(one.previousEventId)) {
      yield one;
      if (one.previousEventId === 0) return;
    }
  }

  #enteredBefore(event: HistoryEvent, name: string): HistoryEvent | undefined {
    for (const one of this.#back(event)) if (one.stateEnteredEventDetails?.name === name) return one;
    return undefined;
  }

  #exit(left: HistoryEvent, name: string): Exit {
    const { output, assignedVariables = {} } = left.stateExitedEventDetails ?? {};
    const follows = this.#after.get(left.id)?.find((event) => event.stateEnteredEventDetails !== undefined);
    const next = follows?.stateEnteredEventDetails?.name;
    const isSameFlow = next !== undefined && this.#definitions.flow(next) === this.#definitions.flow(name);
    return {
      output: parsed(output),
      assigned: Object.fromEntries(
        Object.entries(assignedVariables).map(([variable, text]) => [variable, parsed(text)]),
      ),
      next: isSameFlow ? next : undefined,
    };
  }

  /** What was assigned last in the flow and in those around it, before the state was entered. */
  #variables(entered: HistoryEvent, flow: Flow): JsonObject {
    const variables: Record<string, Json> = {};
    let visible: Flow | undefined = flow;
    const isVisible = (other: Flow) => {
      for (let one = visible; one; one = one.parent) if (one === other) return true;
      return false;
    };
    for (const event of this.#back(entered)) {
      const begun = this.#begins(event, visible);
      if (begun) visible = visible?.parent;
      const { name, assignedVariables } = event.stateExitedEventDetails ?? {};
      if (name === undefined || !isVisible(this.#definitions.flow(name))) continue;
      for (const [variable, text] of Object.entries(assignedVariables ?? {}))
        variables[variable] ??= parsed(text);
    }
    return variables;
  }

  /** Whether the event begins the flow: what comes before it is around the flow, or is another run of it. */
  #begins(event: HistoryEvent, flow: Flow | undefined): boolean {
    if (flow?.owner === undefined) return false;
    if (event.mapIterationStartedEventDetails)
      return event.mapIterationStartedEventDetails.name === flow.owner;
    if (event.type !== "ParallelStateStarted") return false;
    return this.#byId.get(event.previousEventId)?.stateEnteredEventDetails?.name === flow.owner;
  }

  #attempts(entered: HistoryEvent): Attempt[] | undefined {
    const attempts: Attempt[] = [];
    let parameters: Json | undefined;
    for (let event = this.#taskEvent(entered); event; event = this.#taskEvent(event)) {
      if (event.taskScheduledEventDetails) parameters = parsed(event.taskScheduledEventDetails.parameters);
      const outcome = outcomeOf(event);
      if (outcome !== undefined) attempts.push({ parameters, outcome });
    }
    // An expression that failed, or work that had not ended.
    return attempts.length === 0 ? undefined : attempts;
  }

  #taskEvent(event: HistoryEvent): HistoryEvent | undefined {
    return this.#after.get(event.id)?.find(({ type }) => type?.startsWith("Task") && !type.includes("State"));
  }

  #inside(entered: HistoryEvent, left: HistoryEvent | undefined, type: string): Attempt[] | undefined {
    if ((type !== "Map" && type !== "Parallel") || left === undefined) return [];
    const before = this.#byId.get(left.previousEventId);
    if (before?.type?.endsWith("StateFailed")) {
      const outcome = this.#failureBefore(before);
      return outcome && [{ parameters: undefined, outcome }];
    }
    const name = entered.stateEnteredEventDetails?.name ?? "";
    const outputs: Json[] = [];
    for (const event of this.#events) {
      const inner = event.stateExitedEventDetails?.name;
      if (inner === undefined || !this.#definitions.endsFlow(inner)) continue;
      const flow = this.#definitions.flow(inner);
      if (flow.owner !== name || this.#enteredBefore(event, name) !== entered) continue;
      outputs[type === "Map" ? this.#iteration(event, name) : flow.index] = parsed(
        event.stateExitedEventDetails?.output,
      );
    }
    return [{ parameters: undefined, outcome: { result: outputs } }];
  }

  #iteration(event: HistoryEvent, map: string): number {
    for (const one of this.#back(event)) {
      const started = one.mapIterationStartedEventDetails;
      if (started?.name === map) return started.index ?? 0;
    }
    return 0;
  }

  /** The failure inside a Parallel or Map. What a Fail state says inside is in no history. */
  #failureBefore(event: HistoryEvent) {
    for (const one of this.#back(event)) {
      const outcome = outcomeOf(one);
      if (outcome !== undefined) return "error" in outcome ? outcome : undefined;
      if (one.type === "FailStateEntered" || one.type === "EvaluationFailed") return undefined;
    }
    return undefined;
  }
}

function outcomeOf(event: HistoryEvent): Attempt["outcome"] | undefined {
  const { taskSucceededEventDetails: succeeded, taskFailedEventDetails: failed } = event;
  if (succeeded !== undefined) return { result: parsed(succeeded.output) };
  if (failed !== undefined) return { error: failed.error ?? "", cause: failed.cause };
  const timedOut = event.taskTimedOutEventDetails;
  if (timedOut !== undefined) return { error: timedOut.error ?? "States.Timeout", cause: timedOut.cause };
  return undefined;
}

function parsed(text: string | undefined): Json {
  const value: Json = text === undefined ? null : JSON.parse(text);
  return value;
}

/** The task token in what a Task was given, if there is one. */
export function tokenIn(parameters: Json | undefined): string | undefined {
  const payload = isObject(parameters) ? parameters.Payload : undefined;
  return isObject(payload) && typeof payload.token === "string" ? payload.token : undefined;
}
