import type { QueryScope } from "./expression.ts";
import { outOfRange, unexpectedType } from "./expression.ts";
import { dataLimitExceeded, QueryEvaluationError, StateFailure } from "./failure.ts";
import type { Fiber } from "./fiber.ts";
import type { AbortableType, EventDetails } from "./history.ts";
import { assignedVariablesOf, errorDetails, inputOf, outputOf } from "./history.ts";
import { isOverLimit, type Json, type JsonObject, type Payload, payload } from "./json.ts";
import type { BranchPosition, Position } from "./position.ts";
import type { Run } from "./run.ts";
import type { Assigned, Scope } from "./scope.ts";
import type { Assignments, State } from "./state-machine.ts";
import { evaluateTemplate, type Template } from "./template.ts";

/** What an expression may read besides `$states.input` and `$states.context`: the result, the error. */
export interface Extra {
  readonly result?: Json;
  readonly errorOutput?: Json;
}

/** What leaves a state: its output and the variables that it assigns. */
export interface Leave {
  readonly output: Payload;
  readonly assigned: readonly Assigned[];
}

const ABORTABLE: ReadonlySet<string> = new Set<AbortableType>(["Task", "Parallel", "Map", "Wait"]);

function isAbortable(type: string): type is AbortableType {
  return ABORTABLE.has(type);
}

/** One stay of a fiber in a state: its events, what its expressions see, and the way out. */
export class Visit {
  readonly run: Run;
  readonly fiber: Fiber;
  readonly scope: Scope;
  readonly state: State;
  readonly input: Payload;
  /** The member Map of `$states.context` in an iteration. */
  readonly mapContext: JsonObject | undefined;
  readonly #resumedBranches: ReadonlyMap<number, BranchPosition> | undefined;
  readonly #enteredId: number;
  readonly #beforeEnteredId: number;
  readonly #enteredTime: number;
  retryCount = 0;
  token: string | undefined;

  /** `resumed` is where a redriven flow stands: its state was entered before, which is not recorded again. */
  constructor(
    run: Run,
    fiber: Fiber,
    scope: Scope,
    state: State,
    input: Payload,
    mapContext?: JsonObject,
    resumed?: Position,
  ) {
    this.run = run;
    this.fiber = fiber;
    this.scope = scope;
    this.state = state;
    this.input = input;
    this.mapContext = mapContext;
    this.#resumedBranches = resumed?.branches;
    this.#enteredTime = resumed?.enteredTime ?? run.clock.now();
    this.#beforeEnteredId = resumed?.enteredId ?? fiber.previousEventId;
    this.#enteredId =
      resumed?.enteredId ??
      run.history.append(`${state.type}StateEntered`, fiber.previousEventId, {
        stateEnteredEventDetails: { name: state.name, ...inputOf(input.text) },
      });
    fiber.previousEventId = this.#enteredId;
    fiber.activeType = isAbortable(state.type) ? state.type : undefined;
  }

  /** Of a redriven Parallel or Map: what had become of its branches. A retry begins them all again. */
  get resumedBranches(): ReadonlyMap<number, BranchPosition> | undefined {
    return this.retryCount === 0 ? this.#resumedBranches : undefined;
  }

  /** Appends an event that follows from the fiber's last one, and becomes it. */
  record(type: Parameters<Run["history"]["append"]>[0], details?: EventDetails): number {
    const id = this.run.history.append(type, this.fiber.previousEventId, details);
    this.fiber.previousEventId = id;
    return id;
  }

  /** Appends the event of leaving, assigns the variables, and gives what the next state gets. */
  leave(leave: Leave): Payload {
    const { state } = this;
    if (state.type === "Fail") return leave.output;
    this.scope.assign(leave.assigned);
    const assigned =
      leave.assigned.length === 0
        ? {}
        : assignedVariablesOf(Object.fromEntries(leave.assigned.map(({ name, text }) => [name, text])));
    this.record(`${state.type}StateExited`, {
      stateExitedEventDetails: { name: state.name, ...outputOf(leave.output.text), ...assigned },
    });
    this.fiber.activeType = undefined;
    return leave.output;
  }

  /** Evaluates Assign and Output from the same snapshot of variables; without Output `unchanged` goes out. */
  async way(
    exit: { readonly output: Template | undefined; readonly assign: Assignments },
    unchanged: Payload,
    extra: Extra = {},
  ): Promise<Leave> {
    const assigned: Assigned[] = [];
    for (const [name, template] of exit.assign) {
      const value = await this.evaluate(template, extra);
      assigned.push({ name, value, text: JSON.stringify(value) });
    }
    const output = exit.output === undefined ? unchanged : payload(await this.evaluate(exit.output, extra));
    if (isOverLimit(output.text)) throw dataLimitExceeded(this.state.name);
    this.scope.check(assigned);
    return { output, assigned };
  }

  /** Evaluates a field; a failure is recorded as EvaluationFailed and thrown as States.QueryEvaluationError. */
  async evaluate(template: Template, extra: Extra = {}, map = this.mapContext): Promise<Json> {
    if (template.kind === "constant") return template.value;
    try {
      return await evaluateTemplate(template, this.#queryScope(extra, map));
    } catch (error) {
      if (error instanceof QueryEvaluationError) throw this.evaluationFailed(error.message, error.location);
      throw error;
    } finally {
      this.fiber.check();
    }
  }

  /** Evaluates a field that must give a number between the bounds. */
  async evaluateNumber(
    template: Template | undefined,
    least: number,
    most: number,
    kind: "integer" | "real" = "integer",
  ): Promise<number | undefined> {
    if (template === undefined) return undefined;
    const value = await this.evaluate(template);
    const isRight = typeof value === "number" && (kind === "real" || Number.isInteger(value));
    if (isRight && value >= least && value <= most) return value;
    if (typeof value !== "number") throw this.unexpected(template, "number", value);
    const allowed = `${kind === "real" ? "a number" : "an integer"} between ${least} and ${most}`;
    throw this.#rejected(template, (text, location) => outOfRange(text, location, allowed, value));
  }

  /** The failure of an expression that gave a value of the wrong type. */
  unexpected(template: Template, expected: string, value: Json): StateFailure {
    return this.#rejected(template, (text, location) => unexpectedType(text, location, expected, value));
  }

  #rejected(
    template: Template,
    toError: (text: string, location: string) => QueryEvaluationError,
  ): StateFailure {
    const text = template.kind === "expression" ? template.expression.text : "";
    const error = toError(text, template.kind === "expression" ? template.location : "");
    return this.evaluationFailed(error.message, error.location);
  }

  /**
   * Records EvaluationFailed. AWS was recorded hanging it off the event before the state was entered, as long
   * as nothing else has happened in the state; `isLater` is for what it checks after the evaluation.
   */
  evaluationFailed(message: string, location: string | undefined, isLater = false): StateFailure {
    const cause = this.causeOf(message);
    const { fiber } = this;
    if (!isLater && fiber.previousEventId === this.#enteredId) fiber.previousEventId = this.#beforeEnteredId;
    this.record("EvaluationFailed", {
      evaluationFailedEventDetails: {
        ...errorDetails("States.QueryEvaluationError", cause),
        ...(location === undefined ? {} : { location }),
        state: this.state.name,
      },
    });
    return new StateFailure("States.QueryEvaluationError", cause);
  }

  /** A cause as AWS begins those that the service itself gives. */
  causeOf(message: string): string {
    return `An error occurred while executing the state '${this.state.name}' (entered at the event id #${this.#enteredId}). ${message}`;
  }

  /** `$states.context` of the visit, in an iteration or for the item `map`. */
  contextWith(map = this.mapContext): JsonObject {
    if (this.run.givenContext !== undefined) return this.run.givenContext;
    return {
      ...this.run.context,
      State: {
        Name: this.state.name,
        EnteredTime: new Date(this.#enteredTime).toISOString(),
        RetryCount: this.retryCount,
      },
      ...(this.token === undefined ? {} : { Task: { Token: this.token } }),
      ...(map === undefined ? {} : { Map: map }),
    };
  }

  #queryScope(extra: Extra, map: JsonObject | undefined): QueryScope {
    const { scope, run } = this;
    return {
      states: { input: this.input.value, context: this.contextWith(map), ...extra },
      clock: run.clock,
      random: run.random,
      variable: (name) => scope.read(name),
    };
  }
}
