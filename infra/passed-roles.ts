import { migrationExecutionRoles, migrationTaskRole } from "./migrations.ts";
import { accessRole, instanceRoles } from "./targets.ts";

/** The roles of this account that are handed on to ECS and to App Runner. */
export const passedRoles = {
  "migration-roles": [migrationTaskRole.arn, ...Object.values(migrationExecutionRoles).map(({ arn }) => arn)],
  "target-access-role": [accessRole.arn],
  "target-instance-roles": Object.values(instanceRoles).map(({ arn }) => arn),
};
