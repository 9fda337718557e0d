/** A state machine as JSON has it; only what the checks look at is named. */
export interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly Arguments?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** States that follow one another, and what they are in: a machine, a branch, an item processor. */
export interface Scope {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

/** The scopes inside a state: the branches of a Parallel, the item processor of a Map. */
export function scopesIn(state: State): Scope[] {
  const { Branches, ItemProcessor } = state;
  return [...(isScopes(Branches) ? Branches : []), ...(isScope(ItemProcessor) ? [ItemProcessor] : [])];
}

/** Every state of a machine, at any depth. */
export function allStates(scope: Scope): [string, State][] {
  return Object.entries(scope.States).flatMap(([name, state]) => [
    [name, state] as [string, State],
    ...scopesIn(state).flatMap(allStates),
  ]);
}

export function parseMachine(text: string): Scope {
  const machine: unknown = JSON.parse(text);
  if (!isScope(machine)) throw new Error("not a state machine");
  return machine;
}

function isScope(value: unknown): value is Scope {
  return typeof value === "object" && value !== null && "StartAt" in value && "States" in value;
}

function isScopes(value: unknown): value is Scope[] {
  return Array.isArray(value) && value.every(isScope);
}
