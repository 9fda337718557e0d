import { StateFailure } from "./failure.ts";
import type { Json } from "./json.ts";
import { isOverLimit } from "./json.ts";

/** AWS's limit of all variables that an execution holds at a time: 10 MiB. */
const STORED_LIMIT_BYTES = 10 * 1_048_576;

/** A variable with its new value, and the JSON text of it. */
export interface Assigned {
  readonly name: string;
  readonly value: Json;
  readonly text: string;
}

/** The variables of one flow; those of the flows around it can be read from here, but not assigned. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #values = new Map<string, Json>();
  readonly #sizes = new Map<string, number>();
  readonly #stored: { bytes: number };

  constructor(parent?: Scope) {
    this.#parent = parent;
    this.#stored = parent ? parent.#stored : { bytes: 0 };
  }

  read(name: string): Json | undefined {
    const value = this.#values.get(name);
    return value === undefined ? this.#parent?.read(name) : value;
  }

  /** Throws States.DataLimitExceeded if what one state assigns, or all variables with it, would be too large. */
  check(assigned: readonly Assigned[]): void {
    if (assigned.length === 0) return;
    const isOver = this.#storedWith(assigned) > STORED_LIMIT_BYTES;
    if (!isOver && !isOverLimit(assigned.map(({ text }) => text).join(""))) return;
    throw new StateFailure(
      "States.DataLimitExceeded",
      "The variables exceed the limit of 256 KiB for one Assign or of 10 MiB for an execution.",
    );
  }

  /** Assigns at once what one state assigns. */
  assign(assigned: readonly Assigned[]): void {
    this.#stored.bytes = this.#storedWith(assigned);
    for (const { name, value, text } of assigned) {
      this.#values.set(name, value);
      this.#sizes.set(name, text.length);
    }
  }

  #storedWith(assigned: readonly Assigned[]): number {
    let bytes = this.#stored.bytes;
    for (const { name, text } of assigned) bytes += text.length - (this.#sizes.get(name) ?? 0);
    return bytes;
  }

  /** Gives back what the flow's variables took, when the flow has ended. */
  release(): void {
    for (const bytes of this.#sizes.values()) this.#stored.bytes -= bytes;
    this.#sizes.clear();
  }
}
