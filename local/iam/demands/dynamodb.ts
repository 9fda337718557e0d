import { type Demand, type Demands, demand } from "../demand.ts";

interface OfTable {
  readonly TableName?: string;
  readonly IndexName?: string;
  readonly ResourceArn?: string;
}

/** What operations of DynamoDB need: the table, or the index that is asked. */
export function dynamoDbDemands(arn: (service: string, resource: string) => string): Demands {
  const table = (nameOrArn = "") =>
    nameOrArn.startsWith("arn:") ? nameOrArn : arn("dynamodb", `table/${nameOrArn}`);
  const ofTable =
    (operation: string) =>
    ({ TableName, IndexName, ResourceArn }: OfTable): Demand[] =>
      demand(
        `dynamodb:${operation}`,
        `${table(TableName ?? ResourceArn)}${IndexName === undefined ? "" : `/index/${IndexName}`}`,
      );
  const ofMany =
    (operation: string) =>
    ({ RequestItems = {} }: { RequestItems?: Record<string, unknown> }): Demand[] =>
      demand(`dynamodb:${operation}`, ...Object.keys(RequestItems).map(table));
  const operations = ["CreateTable", "DeleteItem", "DeleteTable", "DescribeTable", "DescribeTimeToLive"];
  const more = ["GetItem", "ListTagsOfResource", "PutItem", "Query", "Scan", "TagResource"];
  const last = ["UntagResource", "UpdateItem", "UpdateTable"];
  return {
    ...Object.fromEntries([...operations, ...more, ...last].map((name) => [name, ofTable(name)])),
    BatchGetItem: ofMany("BatchGetItem"),
    BatchWriteItem: ofMany("BatchWriteItem"),
  };
}
