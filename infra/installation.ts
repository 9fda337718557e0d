import { tableShape } from "./application.ts";
import { installationItem } from "./installation-item.ts";
import { machines } from "./machines.ts";
import { migrationExecutionRoles, migrationLogs, migrationTaskRole } from "./migrations.ts";
import { network } from "./network.ts";
import { table } from "./records.ts";
import { secretArns } from "./secrets.ts";
import { application, config, place, prefix } from "./stage.ts";
import { accessRole, instanceRoles, vpcConnector } from "./targets.ts";

const environmentRoles = Object.fromEntries(
  application.environments.map(({ service, environment }) => {
    const name = `${service}/${environment}`;
    return [
      name,
      { instance: instanceRoles[name].arn, migrationExecution: migrationExecutionRoles[name].arn },
    ];
  }),
);

/**
 * The record from which each release takes its copy of the config. After the machines: until they are changed, the
 * functions of before admit releases, and they read the record of before.
 */
export const installation = new aws.dynamodb.TableItem(
  "Installation",
  {
    tableName: table.name,
    hashKey: tableShape.keys.partition,
    rangeKey: tableShape.keys.sort,
    item: $output({
      prefix,
      cluster: application.cluster,
      subnets: network.subnets,
      securityGroups: network.securityGroups,
      publicAddress: network.publicAddress,
      migrationTaskRoleArn: migrationTaskRole.arn,
      appRunnerAccessRoleArn: accessRole.arn,
      vpcConnectorArn: vpcConnector?.arn,
      environmentRoles,
      migrationLogGroup: migrationLogs.name,
      releaseMachineArn: machines.ReleaseMachine.arn,
      deployMachineArn: machines.DeployMachine.arn,
      registry: `${place.account}.dkr.ecr.${place.region}.amazonaws.com`,
      secrets: { ...secretArns },
    }).apply((resources) => installationItem({ config, resources })),
  },
  { dependsOn: [machines.ReleaseMachine, machines.DeployMachine] },
);
