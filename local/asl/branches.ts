import { Cancelled, StateFailure } from "./failure.ts";
import type { Fiber } from "./fiber.ts";
import type { IterationDetails } from "./history.ts";
import type { Json, Payload } from "./json.ts";
import type { BranchPosition } from "./position.ts";
import type { Run } from "./run.ts";

/** A branch of a Parallel or an iteration of a Map: its fiber, and how to start it. */
export interface Branch {
  readonly fiber: Fiber;
  start(): Promise<Payload>;
}

export interface BranchesOptions {
  readonly run: Run;
  /** The fiber of the state that waits for them. */
  readonly parent: Fiber;
  readonly count: number;
  /** Makes the next branch; `previousEventId` is the event that it follows from. */
  readonly open: (index: number, previousEventId: number) => Branch;
  /** Those of a redriven state: what is done is not done again. */
  readonly resumed?: ReadonlyMap<number, BranchPosition> | undefined;
  /** How many may be under way at a time. */
  readonly concurrency: number;
  /** Whether the failure of that many is borne; undefined: none is. */
  readonly tolerates?: ((failures: number) => boolean) | undefined;
}

/**
 * Runs branches side by side and gives their outputs in order. The first failure that is not tolerated cancels
 * the others, whose states and iterations are recorded as aborted, hanging off that failure.
 */
export class Branches {
  readonly #options: BranchesOptions;
  readonly #outputs: Json[] = [];
  readonly #open: Fiber[] = [];
  readonly #resolve: (outputs: Json[]) => void;
  readonly #reject: (error: Error) => void;
  #nextIndex = 0;
  #done = 0;
  #failures = 0;
  #isSettled = false;

  private constructor(
    options: BranchesOptions,
    resolve: (outputs: Json[]) => void,
    reject: (error: Error) => void,
  ) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  static run(options: BranchesOptions): Promise<Json[]> {
    return options.parent.wait<Json[]>((resolve, reject) => {
      const branches = new Branches(options, resolve, reject);
      branches.#takeOver();
      branches.#fill(options.parent.previousEventId);
      if (branches.#done === options.count) resolve(branches.#outputs);
      return () => {};
    });
  }

  #takeOver(): void {
    for (const [index, branch] of this.#options.resumed ?? []) {
      if (branch.kind !== "done") continue;
      this.#outputs[index] = branch.output.value;
      this.#done += 1;
    }
  }

  #isDone(index: number): boolean {
    return this.#options.resumed?.get(index)?.kind === "done";
  }

  #fill(previousEventId: number): void {
    const { count, concurrency, parent } = this.#options;
    const opened: { branch: Branch; index: number }[] = [];
    try {
      while (this.#nextIndex < count && this.#open.length < concurrency) {
        const index = this.#nextIndex++;
        if (this.#isDone(index)) continue;
        const branch = this.#options.open(index, previousEventId);
        this.#open.push(branch.fiber);
        opened.push({ branch, index });
      }
    } catch (error) {
      this.#give(error);
      return;
    }
    parent.children = this.#open;
    for (const { branch, index } of opened) {
      branch.start().then(
        (output) => this.#succeeded(branch.fiber, index, output),
        (error) => this.#failed(branch.fiber, index, error),
      );
    }
  }

  #succeeded(fiber: Fiber, index: number, output: Payload): void {
    if (this.#isSettled) return;
    this.#outputs[index] = output.value;
    // AWS was recorded hanging both this event and the next iteration's start off the last event inside.
    const lastInside = fiber.previousEventId;
    let last = lastInside;
    if (fiber.iteration) {
      const id = this.#append("Succeeded", lastInside, fiber.iteration);
      if (id === undefined) return;
      last = id;
    }
    this.#finished(fiber, last, lastInside);
  }

  #finished(fiber: Fiber, last: number, lastInside: number): void {
    fiber.isDone = true;
    this.#open.splice(this.#open.indexOf(fiber), 1);
    this.#done += 1;
    if (this.#done === this.#options.count) {
      this.#isSettled = true;
      this.#options.parent.previousEventId = last;
      this.#resolve(this.#outputs);
    } else this.#fill(lastInside);
  }

  #failed(fiber: Fiber, index: number, error: unknown): void {
    if (this.#isSettled || error instanceof Cancelled) return;
    const { parent, tolerates } = this.#options;
    parent.previousEventId = fiber.previousEventId;
    if (!(error instanceof StateFailure) || error.isFatal) {
      this.#give(error);
      return;
    }
    this.#failures += 1;
    const isTolerated = tolerates?.(this.#failures) === true;
    try {
      this.#recordFailure(fiber, fiber.previousEventId, isTolerated);
    } catch (limit) {
      this.#give(limit);
      return;
    }
    if (isTolerated) {
      this.#outputs[index] = { Error: error.error ?? null, Cause: error.cause ?? null };
      this.#finished(fiber, fiber.previousEventId, fiber.previousEventId);
    } else this.#give(tolerates ? thresholdExceeded() : error);
  }

  #recordFailure(failed: Fiber, eventId: number, isTolerated: boolean): void {
    const { history } = this.#options.run;
    if (failed.iteration) {
      history.append("MapIterationFailed", eventId, { mapIterationFailedEventDetails: failed.iteration });
    }
    recordAborted(this.#options.run, failed, eventId);
    if (isTolerated) return;
    for (const fiber of this.#open) {
      if (fiber !== failed) recordAbortedBranch(this.#options.run, fiber, eventId);
    }
  }

  #append(what: "Succeeded", eventId: number, iteration: IterationDetails): number | undefined {
    try {
      const details = { mapIterationSucceededEventDetails: iteration };
      return this.#options.run.history.append(`MapIteration${what}`, eventId, details);
    } catch (error) {
      this.#give(error);
      return undefined;
    }
  }

  #give(error: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const fiber of this.#open) fiber.cancel();
    this.#options.parent.children = [];
    this.#reject(error instanceof Error ? error : new Error(String(error)));
  }
}

/** More iterations of a Map have failed than it bears. */
export function thresholdExceeded(): StateFailure {
  return new StateFailure(
    "States.ExceedToleratedFailureThreshold",
    "The specified tolerated failure threshold was exceeded",
  );
}

function recordAbortedBranch(run: Run, fiber: Fiber, eventId: number): void {
  if (fiber.iteration) {
    run.history.append("MapIterationAborted", eventId, { mapIterationAbortedEventDetails: fiber.iteration });
  }
  recordAborted(run, fiber, eventId);
}

/** Records that the state under way in `fiber`, and all inside it, was aborted because of event `eventId`. */
function recordAborted(run: Run, fiber: Fiber, eventId: number): void {
  if (fiber.activeType) run.history.append(`${fiber.activeType}StateAborted`, eventId);
  for (const child of fiber.children) recordAbortedBranch(run, child, eventId);
}
