import { connectRecords } from "../aws/dynamodb.ts";
import { type Approval, describeApproval, isAskedBy, stateOfApproval } from "../core/approval.ts";
import { requireImage } from "../core/image.ts";
import { approvalKey, deploymentKey } from "../core/names.ts";
import { environmentOf } from "../core/settings.ts";
import type { Place } from "./middleware.ts";
import { deploymentOf } from "./stage-scope.ts";
import { type Look, settle } from "./waiting.ts";

/** Two that write an approval at the same moment look again. */
export const mostTries = 5;

/** Whether people have said their word. It is kept on the deployment's record before the deployment goes on. */
export function lookAtApproval(place: Place): Look {
  return async (wait) => {
    const records = connectRecords(place.connection, place.environment.table);
    const name = deploymentOf(wait);
    const [release, deployment] = await Promise.all([
      records.requireRelease(wait.release),
      name && records.deployment(name),
    ]);
    if (deployment === undefined || deployment.endedAt !== undefined)
      return { end: "failed", error: "LeaseLost", cause: `the deployment ${wait.key} is closed` };
    const { service, environment } = deployment;
    const { digest } = requireImage(release);
    const approval = await records.approval(service, environment, digest);
    if (approval === undefined) return undefined;
    const demands = environmentOf(release, environment).environment.approval;
    if (demands !== undefined && !isAskedBy(approval, demands))
      return {
        end: "failed",
        error: "NotApproved",
        cause: `People are asked about ${digest} in ${environment} by other rules since ${deploymentKey(deployment)} began to wait; start it again.`,
      };
    const now = place.connection.now();
    const cause = `${describeApproval(approval, now)}.`;
    switch (stateOfApproval(approval, now)) {
      case "pending":
        return undefined;
      case "rejected":
        return { end: "failed", error: "NotApproved", cause };
      case "expired":
        return { end: "failed", error: "Expired", cause };
      case "granted": {
        const { given, grantedAt = now } = approval;
        await records.updateDeployment(deployment, { approval: { digest, grantedAt, given } });
        return { end: "succeeded", output: {} };
      }
    }
  };
}

/** Wakes every attempt that waits for an approval, once people have said their word. */
export async function wakeApproved(place: Place, { environment, waiting }: Approval): Promise<void> {
  const records = connectRecords(place.connection, place.environment.table);
  for (const one of waiting) {
    const wait = await records.wait(approvalKey({ ...one, environment }));
    if (wait !== undefined && wait.result === undefined) await settle(place, wait, lookAtApproval(place));
  }
}
