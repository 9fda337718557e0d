import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, UpdateCommand } from "@aws-sdk/lib-dynamodb";
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
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(world.connection.client));
  const path = ["config", "services", "web", "environments", "production", ...setting];
  const update = new UpdateCommand({
    TableName: world.made.table,
    Key: { pk: "INSTALLATION", sk: "CURRENT" },
    UpdateExpression: `SET ${path.map((_, index) => `#${index}`).join(".")} = :value`,
    ExpressionAttributeNames: Object.fromEntries(path.map((name, index) => [`#${index}`, name])),
    ExpressionAttributeValues: { ":value": value },
  });
  await world.clock.runUntil(dynamo.send(update));
}
