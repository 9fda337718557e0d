import * as z from "zod/mini";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { cancellationOf } from "../core/cancel.ts";
import { endDeployment, schemaMembers } from "../core/ending.ts";
import { readCause } from "../core/errors.ts";
import { Verdict } from "../core/health.ts";
import { holdAfter } from "../core/hold.ts";
import { requireImage } from "../core/image.ts";
import { serviceOf } from "../core/names.ts";
import type { Outcome } from "../core/outcome.ts";
import { isProvenIll } from "../core/quarantine.ts";
import type { Deployment, EnvironmentRecord, Release, Revision } from "../core/records.ts";
import { endBroken } from "../core/recovery.ts";
import { replaceLive } from "../core/revisions.ts";
import { DeploymentInput } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { schemaSource } from "./schema-source.ts";
import { leaveLine } from "./turn.ts";

const Input = z.extend(DeploymentInput, {
  failures: z.array(z.object({ error: z.string(), cause: z.string() })),
  verdict: z.nullable(Verdict),
});

/** Writes how the deployment ended, what is live now, and freezes the environment if a person must look. */
export const recordDeployment: FunctionDefinition<typeof Input, { outcome: Outcome; reason: string }> = {
  name: "RecordDeployment",
  input: Input,
  async run(input, place) {
    const {
      connection,
      environment: { table },
    } = place;
    const records = connectRecords(connection, table);
    const { release: id, environment: name } = input.deployment;
    const [release, deployment, before] = await Promise.all([
      records.requireRelease(id),
      records.deployment(input.deployment),
      records.environment(serviceOf(id), name),
    ]);
    const failures = input.failures.map(({ error, cause }) => ({ error, cause: readCause(cause) }));
    if (deployment?.executionArn !== input.execution)
      return { outcome: "Rejected", reason: "the deployment's record is not this execution's" };
    if (deployment.outcome !== undefined)
      return { outcome: deployment.outcome, reason: deployment.reason ?? "" };
    if (deployment.fence !== undefined && before.lease?.fence !== deployment.fence)
      return { outcome: "NeedsAttention", reason: describeLost(before) };
    const { outcome, freeze, stays, reason } = endDeployment({
      deployment,
      release,
      failures,
      verdict: input.verdict ?? undefined,
    });
    const now = connection.now();
    const { service, environment } = deployment;
    const source = await schemaSource({ records, release, deployment });
    const recovered = await findRecovered(records, deployment, { outcome, reason });
    const ended = [...recovered, { deployment, release, failures, outcome, reason }];
    const live = liveAfter(stays, release, deployment, source, now);
    await recordLive(records, deployment, { before, live, ended, outcome, now });
    for (const one of ended)
      if (isProvenIll(one.deployment, one.failures, one.outcome))
        await records.putInQuarantine({
          ...{ service, environment, reason: one.reason },
          digest: requireImage(one.release).digest,
          release: one.release.id,
          verdict: "unhealthy",
          since: now,
        });
    if (freeze) await records.freeze(service, environment, { reason, since: now, release: release.id });
    if (deployment.fence === undefined) await leaveLine(place, deployment);
    for (const { deployment: broken, ...end } of recovered)
      await records.closeDeployment(broken, { endedAt: now, outcome: end.outcome, reason: end.reason });
    await records.closeOwnDeployment(deployment, { endedAt: now, outcome, reason });
    return { outcome, reason };
  },
};

/**
 * What it began may be under way still, or half done, and whoever has its lease now finds that by its open record: that
 * closes it.
 */
function describeLost({ environment, lease }: EnvironmentRecord): string {
  return `the lease of ${environment} has passed on (${lease?.reason ?? "nobody has it"}); what it began is seen to by who recovers it`;
}

/** A deployment that ends here, and how. */
interface Ended {
  readonly deployment: Deployment;
  readonly release: Release;
  readonly failures: readonly { readonly error: string }[];
  readonly outcome: Outcome;
  readonly reason: string;
}

/** What becomes of an environment. */
interface LiveChange {
  readonly before: EnvironmentRecord;
  readonly live: Revision | undefined;
  /** All that ends here, the one that ends it last. */
  readonly ended: readonly Ended[];
  readonly outcome: Outcome;
  readonly now: number;
}

/**
 * What is live, what was, and what is held. What a health check confirmed lifts a freeze: a rollback, a recovery, or a
 * release that a person forced past it.
 */
async function recordLive(
  records: Records,
  deployment: Deployment,
  { before, live, ended, outcome, now }: LiveChange,
): Promise<void> {
  const { fence, intent } = deployment;
  if (fence === undefined) return;
  const back = outcome === "Released" && intent === "rollback";
  const moved = live === undefined ? {} : replaceLive(before, live, back ? "rolled-back" : "replaced");
  const hold = ended.reduce(
    (held, one) => holdAfter(held, one.deployment, one.release, one.outcome, now),
    before.hold,
  );
  const members = outcome === "Released" ? { ...moved, hold, frozen: undefined } : { ...moved, hold };
  await records.recordLive(deployment, members);
}

/** Those that were broken off end with the one that recovered their environment. */
async function findRecovered(
  records: Records,
  deployment: Deployment,
  end: { outcome: Outcome; reason: string },
): Promise<Ended[]> {
  // Without the lease nothing was recovered; the next try finds them again.
  if (deployment.fence === undefined) return [];
  const recovered: Ended[] = [];
  for (const name of deployment.recovers ?? []) {
    const broken = await records.deployment(name);
    if (broken === undefined || broken.endedAt !== undefined) continue;
    const release = await records.requireRelease(broken.release);
    const isCancelled = cancellationOf(release, broken) !== undefined;
    const ended = endBroken(broken, { status: name.endedAs, isCancelled }, { deployment, ...end });
    // What failed was known to its execution alone; what was judged is on record.
    recovered.push({ deployment: broken, release, failures: [], ...ended });
  }
  return recovered;
}

/**
 * The new revision if it stays; else the previous one, on the schema it runs on now. A recovery made the previous one
 * serve, whatever was live when somebody asked for it.
 */
function liveAfter(
  stays: boolean,
  release: Release,
  deployment: Deployment,
  source: Release,
  now: number,
): Revision | undefined {
  const { previous } = deployment;
  const schema = schemaMembers(deployment, source);
  if (!stays || deployment.intent === "recover" || previous?.release === release.id)
    return previous === undefined ? undefined : { ...previous, ...schema };
  const { id, commit, sequence, builtAgainst } = release;
  return { release: id, image: requireImage(release), commit, sequence, builtAgainst, since: now, ...schema };
}

export const handler = createHandler(recordDeployment);
