import { StateFailure } from "./failure.ts";
import type { Json } from "./json.ts";
import { isOverLimit } from "./json.ts";

/** AWS's limit of all variables that an execution holds at a time: 10 MiB. */
const STORED_LIMIT_BYTES = 10 * 1_048_576;

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

  /** Assigns at once what one state assigns; throws States.DataLimitExceeded and then assigns nothing. */
  assign(assigned: readonly { name: string; value: Json; text: string }[]): void {
    let bytes = this.#stored.bytes;
    for (const { name, text } of assigned) bytes += text.length - (this.#sizes.get(name) ?? 0);
    if (bytes > STORED_LIMIT_BYTES || isOverLimit(assigned.map(({ text }) => text).join(""))) {
      throw new StateFailure(
        "States.DataLimitExceeded",
        "The variables exceed the limit of 256 KiB for one Assign or of 10 MiB for an execution.",
      );
    }
    this.#stored.bytes = bytes;
    for (const { name, value, text } of assigned) {
      this.#values.set(name, value);
      this.#sizes.set(name, text.length);
    }
  }

  /** Gives back what the flow's variables took, when the flow has ended. */
  release(): void {
    for (const bytes of this.#sizes.values()) this.#stored.bytes -= bytes;
    this.#sizes.clear();
  }
}
