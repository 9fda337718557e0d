import { migrationExecutionRoles, migrationLogs, migrationTaskRole } from "./migrations.ts";
import { network } from "./network.ts";
import { secretArns } from "./secrets.ts";
import { here } from "./stage.ts";
import { accessRole, instanceRoles, vpcConnector } from "./targets.ts";

const environmentRoles = Object.fromEntries(
  here.environments.map(({ service, environment }) => {
    const name = `${service}/${environment}`;
    return [
      name,
      { instance: instanceRoles[name].arn, migrationExecution: migrationExecutionRoles[name].arn },
    ];
  }),
);

/** What environments need in this account, as functions read it. */
export const accountResources = {
  cluster: here.cluster,
  subnets: network.subnets,
  securityGroups: network.securityGroups,
  publicAddress: network.publicAddress,
  migrationTaskRoleArn: migrationTaskRole.arn,
  appRunnerAccessRoleArn: accessRole.arn,
  vpcConnectorArn: vpcConnector?.arn,
  environmentRoles,
  migrationLogGroup: migrationLogs.name,
  secrets: { ...secretArns },
};
