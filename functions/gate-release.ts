import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { refuseCancelled } from "../core/cancel.ts";
import { SpillwayError } from "../core/errors.ts";
import { evidenceOfCommit } from "../core/evidence.ts";
import { decideGate } from "../core/gate.ts";
import { requireService } from "../core/settings.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.object({ release: z.string() });

/**
 * Lets a release pass only if the record holds evidence that each of its stages passed. What a release by commit
 * found is kept for the release that its image will open.
 */
export const gateRelease: FunctionDefinition<typeof Input, { open: true }> = {
  name: "GateRelease",
  input: Input,
  async run({ release: id }, { connection, environment }) {
    const records = connectRecords(connection, environment.table);
    const release = await records.requireRelease(id);
    refuseCancelled(release);
    const service = requireService(release);
    const { open, missing } = decideGate(release, service);
    if (open) {
      const { commit, image } = release;
      if (image === undefined && commit !== undefined)
        await records.recordCommitEvidence(evidenceOfCommit(release, commit, service, connection.now()));
      return { open };
    }
    throw new SpillwayError(
      "StageFailed",
      `There is no evidence that ${missing.join(", ")} passed for ${release.image?.digest ?? release.commit}; nothing was deployed.`,
    );
  },
};

export const handler = createHandler(gateRelease);
