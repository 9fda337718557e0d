import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { readCause } from "../core/errors.ts";
import { requireImage } from "../core/image.ts";
import { type DeploymentFacts, decideDeploymentOutcome, type Outcome } from "../core/outcome.ts";
import type { Deployment, Release, Revision } from "../core/records.ts";
import { DeploymentInput } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.extend(DeploymentInput, {
  failures: z.array(z.object({ error: z.string(), cause: z.string() })),
  verdict: z.nullable(z.enum(["healthy", "unhealthy", "inconclusive"])),
});

/** Writes how the deployment ended, what is live now, and freezes the environment if a person must look. */
export const recordDeployment: FunctionDefinition<typeof Input, { outcome: Outcome; reason: string }> = {
  name: "RecordDeployment",
  input: Input,
  async run(input, { connection, environment: { table } }) {
    const records = connectRecords(connection, table);
    const deployment = await records.deployment(input.release, input.environment);
    const failures = input.failures.map(({ error, cause }) => ({ error, cause: readCause(cause) }));
    if (deployment?.executionArn !== input.execution)
      return { outcome: "Rejected", reason: describeFailures(failures) };
    if (deployment.outcome !== undefined)
      return { outcome: deployment.outcome, reason: deployment.reason ?? "" };
    const release = await records.requireRelease(input.release);
    const { outcome, freeze, reason } = decideDeploymentOutcome(
      factsOf(deployment, failures, input.verdict ?? undefined),
    );
    const now = connection.now();
    const { service, environment, fence } = deployment;
    const live = liveAfter(outcome, release, deployment, now);
    if (live !== undefined) await records.recordLive(service, environment, fence, live);
    if (freeze) await records.freeze(service, environment, { reason, since: now, release: release.id });
    await records.updateDeployment(deployment, { endedAt: now, outcome, reason });
    return { outcome, reason };
  },
};

function factsOf(
  { migration, rollback }: Deployment,
  failures: DeploymentFacts["failures"],
  verdict: DeploymentFacts["verdict"],
): DeploymentFacts {
  return {
    failures,
    verdict,
    migrationBegun: migration !== undefined,
    schemaChanged:
      migration?.confirmed === true && migration.before !== undefined
        ? migration.before !== migration.after
        : undefined,
    rollback: rollback?.action,
  };
}

/** The new revision if it was released; else the previous one, on the schema it runs on now. */
function liveAfter(
  outcome: Outcome,
  release: Release,
  { migration, previous }: Deployment,
  now: number,
): Revision | undefined {
  const schema = migration?.confirmed === true ? { schema: migration.after } : {};
  if (outcome !== "Released") return previous === undefined ? undefined : { ...previous, ...schema };
  const { id, commit, sequence, builtAgainst } = release;
  return { release: id, image: requireImage(release), commit, sequence, builtAgainst, since: now, ...schema };
}

function describeFailures(failures: DeploymentFacts["failures"]): string {
  return failures.map(({ error, cause }) => `${error}: ${cause}`).join("; then ") || "nothing was done";
}

export const handler = createHandler(recordDeployment);
