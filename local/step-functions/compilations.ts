import { parseStateMachine, type StateMachine, type TaskResource } from "../asl/index.ts";

type IsKnownResource = (resource: TaskResource) => boolean;

/** So many definitions are remembered. */
const remembered = 16;

const compilations = new WeakMap<IsKnownResource, Map<string, StateMachine>>();

/**
 * Compiles a definition, the same text once for those that were compiled last: nothing of a compiled machine changes,
 * so all executions of all machines with this text share it. @throws InvalidDefinitionError
 */
export function compileOnce(definition: string, isKnownResource: IsKnownResource): StateMachine {
  const known = compilations.get(isKnownResource) ?? new Map<string, StateMachine>();
  compilations.set(isKnownResource, known);
  const found = known.get(definition);
  if (found !== undefined) return found;
  const compiled = parseStateMachine(definition, { isKnownResource });
  const [oldest] = known.keys();
  if (known.size >= remembered && oldest !== undefined) known.delete(oldest);
  known.set(definition, compiled);
  return compiled;
}
