import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { SpillwayError } from "../core/errors.ts";
import { decideGate } from "../core/gate.ts";
import { requireService } from "../core/settings.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.object({ release: z.string() });

/** Lets a release pass only if the record holds evidence that each of its stages passed. */
export const gateRelease: FunctionDefinition<typeof Input, { open: true }> = {
  name: "GateRelease",
  input: Input,
  async run({ release: id }, { connection, environment }) {
    const release = await connectRecords(connection, environment.table).requireRelease(id);
    const { open, missing } = decideGate(release, requireService(release));
    if (open) return { open };
    throw new SpillwayError(
      "StageFailed",
      `There is no evidence that ${missing.join(", ")} passed for ${release.image.digest}; nothing was deployed.`,
    );
  },
};

export const handler = createHandler(gateRelease);
