import { fromText } from "../core/installation-texts.ts";
import type { Installation } from "../core/records.ts";

/** So many are kept: of each service there are as many as its config was changed of late. */
const mostKept = 50;

const known = new Map<string, Installation>();

/**
 * The config and resources that a record holds. The same are in every release of a service until somebody changes the
 * config, so what was read of them before is given again, and nobody may change it.
 * @param stored as the table holds them. @param read reads them through, and throws if they are none.
 */
export function knownInstallation(stored: unknown, read: (members: unknown) => Installation): Installation {
  const { config, resources } = Object(stored);
  const text = textOf(config, resources);
  const before = known.get(text);
  if (before !== undefined) return before;
  const installation = freeze(read({ config: fromText(config), resources: fromText(resources) }));
  if (known.size === mostKept) known.clear();
  known.set(text, installation);
  return installation;
}

/** One text for both, and the same for no others. To write them as JSON again would take longer than all the rest. */
function textOf(config: unknown, resources: unknown): string {
  if (typeof config === "string" && typeof resources === "string")
    return `${config.length} ${config}${resources}`;
  return JSON.stringify([config, resources]);
}

function freeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null)
    for (const member of Object.values(Object.freeze(value))) freeze(member);
  return value;
}
