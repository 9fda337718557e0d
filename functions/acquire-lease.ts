import { SpillwayError } from "../core/errors.ts";
import { brings } from "../core/intent.ts";
import { decideLease } from "../core/lease.ts";
import { isForced } from "../core/quarantine.ts";
import type { Deployment, Lease } from "../core/records.ts";
import { describeClosed } from "../core/turn.ts";
import { DeploymentInput, readWantedPlaced, updateDeployment } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { describeTakeover, findQuietHolder } from "./takeover.ts";

/**
 * Takes the environment's lock for this execution, and notes in the deployment's record what is live.
 * @throws SpillwayError LeaseHeld while another has it; TurnPassed if the line was stopped or a freeze began since the
 *   turn was given; Superseded or DeploymentRefused if it will not have it.
 */
export const acquireLease: FunctionDefinition<typeof DeploymentInput, { fence: number }> = {
  name: "AcquireLease",
  input: DeploymentInput,
  async run(input, place) {
    const open = await readWantedPlaced(input, place);
    const { records, deployment, environment: before } = open;
    const { environment, service, release, attempt, intent } = deployment;
    const holder = await findQuietHolder(place, before);
    const force = isForced(deployment, open.release, before.frozen?.since);
    const now = place.connection.now();
    const closed = describeClosed(before, deployment, open.release, now);
    const reason = describe(deployment);
    const wish = { owner: input.execution, release, reason, intent, force, closed };
    const decided = decideLease(before, wish, { quietSince: holder?.since }, now);
    if (decided.decision === "refuse") throw new SpillwayError(decided.error, `${decided.reason}.`);
    if (decided.decision === "wait") {
      // The next in line has its place; who stands in no line comes before it.
      if (!brings(intent) && before.ahead?.execution !== input.execution)
        await records.goAhead(service, environment, {
          ...{ execution: input.execution, release, attempt, reason, since: now },
        });
      throw new SpillwayError("LeaseHeld", describeHolder(environment, decided.holder));
    }
    const { fence } = decided.lease;
    const freed = decided.decision === "take" ? describeTakeover(decided.previous, holder, now) : undefined;
    if (
      decided.decision === "take" &&
      !(await records.takeLease(before, decided.lease, { current: { release, attempt }, freed }))
    )
      throw new SpillwayError(
        "LeaseHeld",
        `Another execution took the lease of ${environment} at the same moment.`,
      );
    await updateDeployment(open, { fence, previous: before.live, ...(freed && { tookOver: freed }) });
    return { fence };
  },
};

function describe({ intent, release, why }: Deployment): string {
  return `${intent} ${release}${why === undefined ? "" : `: ${why}`}`;
}

function describeHolder(environment: string, { release, owner, since }: Lease): string {
  return `${environment} is being changed by ${release} since ${new Date(since).toISOString()} (${owner}); waiting for it.`;
}

export const handler = createHandler(acquireLease);
