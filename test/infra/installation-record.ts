import { unmarshall } from "@aws-sdk/util-dynamodb";
import { fromText } from "../../core/installation-texts.ts";
import { Installation } from "../../core/records.ts";

/** The installation that an item says, given as DynamoDB's JSON. */
export function readInstallation(item: string): Installation {
  const { config, resources } = unmarshall(JSON.parse(item));
  return Installation.parse({ config: fromText(config), resources: fromText(resources) });
}
