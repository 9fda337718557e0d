import type { Scope, State } from "./states.ts";

/** One way from a state to the next, with the variables that are assigned on it. */
interface Way {
  readonly from: string;
  readonly to: string;
  readonly assigned: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Which variables surely have a value when each state of a scope begins, whatever way led there. */
export function assignedBefore(scope: Scope, outer: ReadonlySet<string>): Map<string, ReadonlySet<string>> {
  const ways = Object.entries(scope.States).flatMap(([name, state]) => waysFrom(name, state));
  const known = new Map<string, ReadonlySet<string>>([[scope.StartAt, outer]]);
  for (let changed = true; changed; ) {
    changed = false;
    for (const { from, to, assigned } of ways) {
      const before = known.get(from);
      if (before === undefined) continue;
      const after = new Set([...before, ...assigned]);
      const present = known.get(to);
      const both = present === undefined ? after : new Set([...present].filter((name) => after.has(name)));
      if (present !== undefined && both.size === present.size) continue;
      known.set(to, both);
      changed = true;
    }
  }
  return known;
}

/** The names that a state assigns on any of its ways. */
export function assignedBy(state: State): string[] {
  return [state, ...rules(state, "Choices"), ...rules(state, "Catch")].flatMap(assignments);
}

function waysFrom(from: string, state: State): Way[] {
  const way = (to: unknown, assigned: readonly string[]) =>
    typeof to === "string" ? [{ from, to, assigned }] : [];
  return [
    ...way(state.Next, assignments(state)),
    ...way(state.Default, assignments(state)),
    ...[...rules(state, "Choices"), ...rules(state, "Catch")].flatMap((rule) =>
      way(rule.Next, assignments(rule)),
    ),
  ];
}

/** The rules of a Choice, or the catchers of a state. */
export function rules(state: State, field: "Choices" | "Catch" | "Retry"): Fields[] {
  const found = state[field];
  return Array.isArray(found) ? found : [];
}

function assignments({ Assign }: Fields): string[] {
  return typeof Assign === "object" && Assign !== null ? Object.keys(Assign) : [];
}
