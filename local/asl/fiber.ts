import type { Clock } from "./clock.ts";
import { Cancelled } from "./failure.ts";
import type { AbortableType, IterationDetails } from "./history.ts";

/** One line of work of an execution: the machine itself, a branch, an iteration. Cancelled as a whole, once. */
export class Fiber {
  /** The last event of this line of work, which the next one follows from. */
  previousEventId: number;
  /** The state under way, if a cancelled branch would report it. */
  activeType: AbortableType | undefined;
  /** The branches or iterations that the state under way waits for. */
  children: readonly Fiber[] = [];
  /** Which iteration of a Map it is. */
  readonly iteration: IterationDetails | undefined;
  isDone = false;
  #isCancelled = false;
  #onCancel: (() => void) | undefined;

  constructor(previousEventId: number, iteration?: IterationDetails) {
    this.previousEventId = previousEventId;
    this.iteration = iteration;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** To be called after every wait: a cancelled fiber does nothing more. */
  check(): void {
    if (this.#isCancelled) throw new Cancelled();
  }

  cancel(): void {
    if (this.#isCancelled || this.isDone) return;
    this.#isCancelled = true;
    for (const child of this.children) child.cancel();
    this.#onCancel?.();
  }

  /**
   * Waits for what `start` begins. `start` gets the functions that end the wait, and returns what undoes it
   * when the fiber is cancelled.
   */
  async wait<T>(
    start: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
  ): Promise<T> {
    this.check();
    try {
      return await new Promise<T>((resolve, reject) => {
        const undo = start(resolve, reject);
        this.#onCancel = () => {
          undo();
          reject(new Cancelled());
        };
      });
    } finally {
      this.#onCancel = undefined;
      // What settled the wait may have been overtaken by a cancellation before this line was reached.
      this.check();
    }
  }

  sleep(clock: Clock, milliseconds: number): Promise<void> {
    return this.wait((resolve) => clock.after(milliseconds, () => resolve()));
  }
}
