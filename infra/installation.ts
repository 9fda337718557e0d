import { found } from "./account.ts";
import { accountResources } from "./account-resources.ts";
import { tableShape } from "./application.ts";
import { roleArn } from "./arns.ts";
import { installationItem } from "./installation-item.ts";
import { machines } from "./machines.ts";
import { table } from "./records.ts";
import { application, config, place, prefix } from "./stage.ts";

const members = Object.fromEntries(
  application.members.flatMap(({ account, externalId, role }) => {
    const { resources } = found.members.find((one) => one.account === account) ?? {};
    const access = { roleArn: roleArn({ ...place, account }, role), externalId };
    return resources === undefined ? [] : [[account, { ...resources, access }]];
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
      ...accountResources,
      releaseMachineArn: machines.ReleaseMachine.arn,
      deployMachineArn: machines.DeployMachine.arn,
      registry: `${place.account}.dkr.ecr.${place.region}.amazonaws.com`,
    }).apply((resources) => installationItem({ config, resources: { ...resources, members } })),
  },
  { dependsOn: [machines.ReleaseMachine, machines.DeployMachine] },
);
