import type { Deed, Rules } from "../plan.ts";

/** A guard of Spillway's that is taken out on purpose, so that it can be seen who misses it. */
export interface Mutant extends Edit {
  readonly name: string;
  /** What the guard keeps from happening. */
  readonly guard: string;
  /** What else is taken out with it, because it stands behind the guard and would do its work. */
  readonly besides?: readonly Edit[];
  /** Where the guard has work to do: such worlds are lived through first. */
  readonly among?: Worlds;
}

/**
 * Some of the worlds that seeds draw: of one of these themes, or in which one of these functions has bad luck, or an
 * environment demands one of these, or people do one of these deeds.
 */
export interface Worlds {
  readonly themes?: readonly string[];
  readonly unlucky?: readonly string[];
  readonly rules?: readonly (keyof Rules)[];
  readonly deeds?: readonly Deed["does"][];
}

/** A change of a source file. */
export interface Edit {
  readonly file: string;
  /** The guard's own text, which is in the file exactly once, and what stands there instead. */
  readonly from: string;
  readonly to: string;
}

/** All that is changed for a mutant. */
export function editsOf(mutant: Mutant): readonly Edit[] {
  return [mutant, ...(mutant.besides ?? [])];
}
