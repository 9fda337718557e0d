/**
 * A copy of what a service describes, which may change while the answer is on its way: of objects, lists, times and
 * plain values. `structuredClone` can more, and takes several times as long.
 */
export function copyOf<Value>(described: Value): Value;
export function copyOf(described: unknown): unknown {
  if (typeof described !== "object" || described === null) return described;
  if (Array.isArray(described)) return described.map(copyOf);
  if (described instanceof Date) return new Date(described);
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(described)) copy[name] = copyOf(member);
  return copy;
}
