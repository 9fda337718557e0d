import { connectAppRunner } from "../aws/apprunner.ts";
import { SpillwayError } from "../core/errors.ts";
import { canRunOn, schemaAfter } from "../core/migration.ts";
import { targetName } from "../core/names.ts";
import type { Release, Revision } from "../core/records.ts";
import { databaseOf, environmentOf } from "../core/settings.ts";
import { DeploymentInput, readDeployment, updateDeployment } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { lookAtService } from "./service-look.ts";

interface Preparation {
  readonly migrate: boolean;
  readonly migrationTimeoutSeconds: number;
  readonly healthIntervalSeconds: number;
}

/** Refuses, before anything moves, what could not be deployed or not be taken back. */
export const prepareDeployment: FunctionDefinition<typeof DeploymentInput, Preparation> = {
  name: "PrepareDeployment",
  input: DeploymentInput,
  async run(input, place) {
    const open = await readDeployment(input, place);
    const { release, deployment } = open;
    const { service, environment } = environmentOf(release, deployment.environment);
    const target = await connectAppRunner(place.connection).describe(
      targetName(release.installation.resources.prefix, release.service, deployment.environment),
    );
    if (target.refusal !== undefined) throw new SpillwayError("DeploymentRefused", target.refusal);
    if (target.busy)
      throw new SpillwayError(
        "TargetBusy",
        `The target of ${deployment.environment} is busy with another operation; waiting for it.`,
      );
    const migrates =
      (deployment.intent === "deploy" || deployment.intent === "promote") &&
      release.migrationImage !== undefined &&
      databaseOf(environment) !== undefined;
    if (migrates) refuseOneWayDoor(release, deployment.previous, deployment.environment);
    if (target.url !== undefined && deployment.previous !== undefined) {
      const { commit } = deployment.previous;
      const healthBefore = await lookAtService(place, environment.health, target.url, commit);
      await updateDeployment(open, { healthBefore });
    }
    return {
      migrate: migrates,
      migrationTimeoutSeconds: (service.migration?.timeoutMinutes ?? 30) * 60,
      healthIntervalSeconds: environment.health.intervalSeconds,
    };
  },
};

function refuseOneWayDoor(release: Release, previous: Revision | undefined, environment: string): void {
  if (previous === undefined) return;
  const after = schemaAfter({ history: release.schemaHistory, readableFrom: release.readableFrom });
  if (canRunOn(previous.builtAgainst, after) !== false) return;
  throw new SpillwayError(
    "DeploymentRefused",
    `${environment} could not be rolled back: its live code (${previous.release}, built against schema ${previous.builtAgainst}) cannot run on schema ${after.revision}. Ship code that reads both first (expand), then this change (contract).`,
  );
}

export const handler = createHandler(prepareDeployment);
