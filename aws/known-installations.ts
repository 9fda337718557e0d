import { fromText } from "../core/installation-texts.ts";
import type { Installation } from "../core/records.ts";

/** So many are kept: of each service there are as many as its config was changed of late. */
const mostKept = 50;

interface Known {
  readonly config: string;
  readonly resources: string;
  readonly installation: Installation;
}

const known: Known[] = [];

/**
 * The config and resources that a record holds. The same are in every release of a service until somebody changes the
 * config, so what was read of them before is given again, and nobody may change it.
 * @param stored as the table holds them. @param read reads them through, and throws if they are none.
 */
export function knownInstallation(stored: unknown, read: (members: unknown) => Installation): Installation {
  const { config, resources } = Object(stored);
  const texts = { config: textOf(config), resources: textOf(resources) };
  // To compare a few long texts is quicker than to look one up in a map, which reads all of it to find its place.
  const before = known.find((one) => one.config === texts.config && one.resources === texts.resources);
  if (before !== undefined) return before.installation;
  const installation = freeze(read({ config: fromText(config), resources: fromText(resources) }));
  if (known.length === mostKept) known.length = 0;
  known.push({ ...texts, installation });
  return installation;
}

/** As it stands, or what earlier versions wrote as attributes in JSON. */
function textOf(stored: unknown): string {
  return typeof stored === "string" ? stored : (JSON.stringify(stored) ?? "");
}

function freeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null)
    for (const member of Object.values(Object.freeze(value))) freeze(member);
  return value;
}
