import * as z from "zod/mini";
import { connectEvents } from "../aws/events.ts";
import { type Approval, requestApproval as decideRequest, stateOfApproval } from "../core/approval.ts";
import { SpillwayError } from "../core/errors.ts";
import { requireImage } from "../core/image.ts";
import { approvalKey, deploymentKey } from "../core/names.ts";
import { environmentOf } from "../core/settings.ts";
import { lookAtApproval, mostTries } from "./approval.ts";
import { DeploymentInput, type OpenDeployment, readWanted } from "./deployment.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { awaitWork, type Work } from "./waiting.ts";

const Input = z.extend(DeploymentInput, { token: z.string() });

/**
 * Has a deployment wait for the people whose word its environment demands; it holds no lease meanwhile. It ends as
 * Rejected if one of them says no, and as Expired if too few say yes in time.
 */
export const requestApproval: FunctionDefinition<typeof Input, void> = {
  name: "RequestApproval",
  input: Input,
  async run(input, place) {
    const open = await readWanted(input, place);
    await awaitWork(place, approvalWork(place, open, input.token), lookAtApproval(place));
  },
};

/** Waiting for the people's word, as work that a state can wait for: begun by asking them, once. */
function approvalWork(place: Place, open: OpenDeployment, token: string): Work {
  const { release, deployment } = open;
  const { service, environment, attempt } = deployment;
  return {
    key: approvalKey(deployment),
    kind: "approval",
    release: release.id,
    token,
    subject: { environment, attempt: String(attempt) },
    async begin() {
      const approval = await openApproval(place, open);
      if (approval.given.length === 0 && stateOfApproval(approval, place.connection.now()) === "pending")
        await tellPeople(place, open, approval);
      return { arn: `approval/${service}/${environment}/${approval.digest}` };
    },
    find: async () => undefined,
  };
}

async function openApproval(
  place: Place,
  { records, release, deployment }: OpenDeployment,
): Promise<Approval> {
  const { service, environment, attempt } = deployment;
  const { digest } = requireImage(release);
  const demands = environmentOf(release, environment).environment.approval;
  if (demands === undefined)
    throw new SpillwayError(
      "RecordUnreadable",
      `${release.id} was admitted without an approval for ${environment}.`,
    );
  const request = {
    service,
    environment,
    digest,
    release: release.id,
    attempt,
    requester: release.author,
    demands,
  };
  for (let tries = 0; tries < mostTries; tries++) {
    const existing = await records.approval(service, environment, digest);
    const approval = decideRequest(existing, request, place.connection.now());
    if (approval === existing || (await records.putApproval(approval))) return approval;
  }
  throw new SpillwayError(
    "Throttled",
    `Others ask about ${deploymentKey(deployment)} at the same moment; looking again.`,
  );
}

/** Says on Spillway's bus that people are wanted. A retry says it again: better twice than never. */
async function tellPeople(
  { connection }: Place,
  { release }: OpenDeployment,
  approval: Approval,
): Promise<void> {
  const { service, environment, digest, demands, requester, expiresAt } = approval;
  await connectEvents(connection).put(release.installation.resources.prefix, "Approval Requested", {
    ...{ service, environment, release: release.id, digest, commit: release.commit, requester },
    ...{ count: demands.count, by: demands.by, expiresAt: new Date(expiresAt).toISOString() },
    approve: `npm run operate -- approve ${release.id} ${environment}`,
    reject: `npm run operate -- reject ${release.id} ${environment} --reason "WHY"`,
  });
}

export const handler = createHandler(requestApproval);
