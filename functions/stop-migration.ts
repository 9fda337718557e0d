import { connectTasks } from "../aws/ecs.ts";
import { SpillwayError } from "../core/errors.ts";
import { migrationKey } from "../core/names.ts";
import { connectPlace, DeploymentInput, readDeployment } from "./deployment.ts";
import { connectionOf } from "./environment-connection.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

/**
 * Stops a migration that took longer than the config allows, so that nothing changes the schema any more when
 * `InspectSchema` asks where it stands.
 * @throws MigrationStopping until the task has stopped: it is given time to undo what is under way.
 */
export const stopMigration: FunctionDefinition<typeof DeploymentInput, { stopped: string | null }> = {
  name: "StopMigration",
  input: DeploymentInput,
  async run(input, place) {
    const records = connectPlace(place);
    const [wait] = await Promise.all([
      records.wait(migrationKey(input.deployment, "up")),
      readDeployment(input, place, records),
    ]);
    if (wait?.awaitedArn === undefined || wait.result !== undefined)
      return { stopped: wait?.awaitedArn ?? null };
    const { awaitedArn, subject } = wait;
    const tasks = connectTasks(connectionOf(place, wait));
    const { cluster = "" } = subject;
    if ((await tasks.look(cluster, awaitedArn)) !== undefined) return { stopped: awaitedArn };
    await tasks.stop(cluster, awaitedArn, "The migration took longer than its timeoutMinutes.");
    throw new SpillwayError(
      "MigrationStopping",
      `The migration task ${awaitedArn} is told to stop; waiting for it.`,
    );
  },
};

export const handler = createHandler(stopMigration);
