import type { Edit } from "./mutant.ts";

/**
 * The source with the guard taken out.
 * @throws Error if the guard is not there exactly once: it was changed, and the mutant must follow it.
 */
export function mutate(source: string, { file, from, to }: Edit): string {
  const parts = source.split(from);
  if (parts.length !== 2)
    throw new Error(`The guard is ${parts.length - 1} times in ${file}, not once: ${from}`);
  return parts.join(to);
}
