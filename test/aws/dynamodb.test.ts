import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { createWorld } from "../simulation/world.ts";

it("names the record and the member that another hand changed", async () => {
  const world = await createWorld(1, undefined, {}, { tables: "dynalite" });
  try {
    const key = { pk: { S: "WAIT#web-1/stage/unit-tests" }, sk: { S: "WAIT" } };
    const dynamo = new DynamoDBClient(world.connection.client);
    await dynamo.send(
      new UpdateItemCommand({
        TableName: world.made.table,
        Key: key,
        UpdateExpression: "SET looks = :looks",
        ExpressionAttributeValues: { ":looks": { S: "many" } },
      }),
    );
    await expect(world.records.wait("web-1/stage/unit-tests")).rejects.toMatchObject({
      name: "RecordUnreadable",
      message: expect.stringMatching(
        /^The record WAIT#web-1\/stage\/unit-tests WAIT cannot be read: .*looks: Invalid input: expected number, received string/,
      ),
    });
  } finally {
    await world.close();
  }
});
