import { DynamoDBClient, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { SimulatedWorld } from "./world.ts";

/**
 * Deploys the installation with another setting of production.
 * @param setting where it is in the environment's config: `["target", "variables"]`.
 */
export async function reconfigure(
  world: SimulatedWorld,
  setting: readonly string[],
  value: object,
): Promise<void> {
  const dynamo = new DynamoDBClient(world.connection.client);
  const table = { TableName: world.made.table };
  const read = new QueryCommand({
    ...table,
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": { S: "INSTALLATION" } },
  });
  const { Items: [item = {}] = [] } = await world.clock.runUntil(dynamo.send(read));
  const { config, ...others } = unmarshall(item);
  const whole = JSON.parse(config);
  const path = ["services", "web", "environments", "production", ...setting];
  const last = path.pop() ?? "";
  path.reduce((within, name) => within[name], whole)[last] = value;
  const changed = marshall({ ...others, config: JSON.stringify(whole) });
  await world.clock.runUntil(dynamo.send(new PutItemCommand({ ...table, Item: changed })));
}
