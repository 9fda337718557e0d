import { marshall } from "@aws-sdk/util-dynamodb";
import { textsOf } from "../core/installation-texts.ts";

/** DynamoDB's limit for one item. */
const mostBytes = 400 * 1024;

/**
 * The installation's record as DynamoDB's JSON.
 * @throws Error if it is larger than an item may be, saying by how much.
 */
export function installationItem(installation: Readonly<Record<"config" | "resources", object>>): string {
  const item = JSON.stringify(marshall({ pk: "INSTALLATION", sk: "CURRENT", ...textsOf(installation) }));
  // The JSON with its type letters is larger than what DynamoDB counts, so this errs on the safe side.
  const bytes = Buffer.byteLength(item);
  if (bytes <= mostBytes) return item;
  throw new Error(
    `The config makes an installation record of ${Math.ceil(bytes / 1024)} KB; an item of DynamoDB holds 400 KB. Divide the services among several installations.`,
  );
}
