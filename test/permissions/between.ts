import { AsyncLocalStorage } from "node:async_hooks";
import { refuse } from "../simulation/faults.ts";
import type { Invocation } from "../simulation/invocations.ts";
import type { Seams } from "../simulation/seams.ts";

/** What becomes of a function whose call took effect: it is answered, hears of a fault, or is gone. */
export type Fate = "answered" | "failed" | "killed";

/** A function's call, by its name and its operation: `RunStage`, `CodeBuild_20161006.StartBuild`. */
export interface Moment {
  readonly function: string;
  readonly operation: string;
}

/** What comes between a call of a function and its answer. */
export interface Between {
  /**
   * Once the next call of that kind has taken effect, has something done before the function hears of it. The world
   * goes on meanwhile; nothing in `act` may drive its clock.
   */
  after(moment: Moment, act: (invocation: Invocation) => Promise<Fate>): void;
  /** What was to come after a call that nobody made. */
  readonly waiting: readonly string[];
  readonly seams: Seams;
}

/** @param loses operations whose first answer to each function is lost. They took effect. */
export function createBetween(loses: readonly string[] = []): Between {
  // Whoever acts in between is no part of the function.
  const outside = AsyncLocalStorage.snapshot();
  const lost = new Set<string>();
  const due = new Map<string, (invocation: Invocation) => Promise<Fate>>();

  /** What is to come after this call; it comes once. */
  function take(called: string, operation: string): ((invocation: Invocation) => Promise<Fate>) | undefined {
    const act = due.get(called);
    due.delete(called);
    if (act !== undefined || !loses.includes(operation) || lost.has(called)) return act;
    lost.add(called);
    return async () => "failed";
  }

  return {
    after(moment, act) {
      due.set(nameOf(moment.function, moment.operation), act);
    },
    get waiting() {
      return [...due.keys()];
    },
    seams: {
      async call({ operation, invocation }, send) {
        if (invocation === undefined) return send();
        const act = take(nameOf(invocation.name, operation), operation);
        const answer = await send();
        if (act === undefined) return answer;
        const fate = await outside(() => act(invocation));
        if (fate === "answered") return answer;
        if (fate === "failed") return refuse(500, "InternalServerError", "Internal failure");
        invocation.kill();
        return new Promise(() => {});
      },
    },
  };
}

function nameOf(called: string, operation: string): string {
  return `${called} ${operation}`;
}
