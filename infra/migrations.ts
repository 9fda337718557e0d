import { makeLogGroup } from "./logs.ts";
import { makeRole } from "./role.ts";
import { migrationStatements } from "./roles.ts";
import { secrets } from "./secrets.ts";
import { here, home, place } from "./stage.ts";

/** Where migrations run, unless the config names a cluster that is there. */
export const cluster = here.makesCluster ? new aws.ecs.Cluster("Cluster", { name: here.cluster }) : undefined;

export const migrationLogs = makeLogGroup("MigrationLogs", here.migrationLogGroup);

/** What a migration itself may do in AWS: nothing. Its database is in the secrets that ECS gives it. */
export const migrationTaskRole = makeRole("MigrationTask", "ecs-tasks.amazonaws.com", []);

/** `service/environment` → what ECS may do to start the migrations there: pull, log, read that environment's secrets. */
export const migrationExecutionRoles = Object.fromEntries(
  here.environments.map((described) => {
    const { service, environment } = described;
    const role = makeRole(
      `MigrationExecution-${service}-${environment}`,
      "ecs-tasks.amazonaws.com",
      migrationStatements(described, here, place, home, secrets),
    );
    return [`${service}/${environment}`, role];
  }),
);
