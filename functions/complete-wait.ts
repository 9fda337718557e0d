import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { lookAtWork } from "./looks.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { settle } from "./waiting.ts";

const Input = z.object({
  source: z.string(),
  resources: z.array(z.string()),
  detail: z.looseObject({}),
});

/** Turns an event of CodeBuild, ECS or App Runner into the end of a wait, after asking the service what is true. */
export const completeWait: FunctionDefinition<typeof Input, { settled: number }> = {
  name: "CompleteWait",
  input: Input,
  async run({ resources }, place) {
    const records = connectRecords(place.connection, place.environment.table);
    const [arn] = resources;
    const waits =
      arn === undefined ? [] : (await records.waitsFor(arn)).filter(({ result }) => result === undefined);
    for (const wait of waits) await settle(place, wait, lookAtWork(place));
    return { settled: waits.length };
  },
};

export const handler = createHandler(completeWait);
