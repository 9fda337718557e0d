import { seeded } from "./seeded.ts";

/** Draws from a named sequence of numbers: the same name, the same draws. */
export interface Dice {
  /** One of the choices, each as likely as it is often named. */
  one<const Choice>(first: Choice, ...others: readonly Choice[]): Choice;
  /** One of a list; undefined of an empty one. */
  of<Choice>(list: readonly Choice[]): Choice | undefined;
  /** A whole number, `from` to `to` exclusive. */
  between(from: number, to: number): number;
  /** True with this likelihood. */
  chance(likelihood: number): boolean;
}

export function createDice(name: string): Dice {
  const random = seeded(hash(name));
  const below = (limit: number) => Math.floor(random() * limit);
  return {
    one: (first, ...others) => [first, ...others][below(others.length + 1)] ?? first,
    of: (list) => list[below(list.length)],
    between: (from, to) => from + below(to - from),
    chance: (likelihood) => random() < likelihood,
  };
}

/** FNV-1a: names that differ in one letter draw differently. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
