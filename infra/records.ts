import { tableShape } from "./application.ts";
import { application, permanent } from "./stage.ts";

/** The one table of records. */
export const table = new sst.aws.Dynamo("Records", {
  fields: Object.fromEntries(
    Object.entries(tableShape.attributes).map(([name, type]) => [name, type === "S" ? "string" : "number"]),
  ),
  primaryIndex: { hashKey: tableShape.keys.partition, rangeKey: tableShape.keys.sort },
  globalIndexes: Object.fromEntries(
    Object.entries(tableShape.indexes).map(([name, { partition, sort }]) => [
      name,
      { hashKey: partition, rangeKey: sort },
    ]),
  ),
  deletionProtection: permanent,
  transform: {
    table: (args) => {
      args.name = application.table;
    },
  },
});
