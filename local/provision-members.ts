import type { AccountDescription, Application } from "../infra/application.ts";
import { arn, memberStatements, roleArn } from "../infra/arns.ts";
import type { MemberDescription } from "../infra/members.ts";
import { busStatements, functionsEntrance, repositoryStatements } from "../infra/resource-policies.ts";
import { forwardStatements } from "../infra/roles.ts";
import type { LocalAws } from "./aws.ts";
import { localNetwork, makeEnvironmentRoles, placeIn, roleNames } from "./provision-roles.ts";
import { type Call, caller, keepSecrets } from "./provisioning-calls.ts";
import type { World } from "./world.ts";

/**
 * Makes what an installation has in other accounts, and lets these pull its images and tell it their events.
 * @returns account → what environments need there, as the installation's record keeps it.
 */
export async function provisionMembers(
  aws: LocalAws,
  application: Application,
  secrets: Readonly<Record<string, string>>,
) {
  const { members } = application;
  await letMembersIn(caller(aws), aws, application);
  const made = [];
  for (const member of members) {
    made.push([member.account, await provisionMember(aws, application, member, secrets)] as const);
  }
  return made.length === 0 ? undefined : Object.fromEntries(made);
}

/** What environments need in an account of the local AWS. */
export function accountResources(
  application: Application,
  { cluster, migrationLogGroup, vpcConnector, environments }: AccountDescription,
  { region, accountId: account }: Pick<World, "region" | "accountId">,
  secrets: Readonly<Record<string, string>>,
) {
  const where = { partition: "aws", region, account };
  const role = (name: string) => roleArn(where, name);
  return {
    cluster,
    ...localNetwork,
    publicAddress: false,
    // Services reach here what this machine reaches; that they ask for the connector is kept and held to their rights.
    ...(vpcConnector === undefined
      ? {}
      : { vpcConnectorArn: arn(where, "apprunner", `vpcconnector/${vpcConnector}/1/local`) }),
    migrationTaskRoleArn: role(roleNames.migrationTask(application)),
    appRunnerAccessRoleArn: role(roleNames.targetAccess(application)),
    environmentRoles: Object.fromEntries(
      environments.map(({ service, environment, target }) => [
        `${service}/${environment}`,
        {
          instance: role(roleNames.targetInstance(target)),
          migrationExecution: role(roleNames.migrationExecution(target)),
        },
      ]),
    ),
    migrationLogGroup,
    secrets,
  };
}

/** The policies of the bus and of the repositories; taken away where no member is left. */
async function letMembersIn(call: Call, { world }: LocalAws, application: Application): Promise<void> {
  const { accountId, region } = world;
  const { bus, repositories } = application;
  const busArn = `arn:aws:events:${region}:${accountId}:event-bus/${bus}`;
  const onBus = busStatements(application, [], "aws", busArn);
  if (onBus.length > 0)
    await call("AWSEvents", "PutPermission", { EventBusName: bus, Policy: policyOf(onBus) });
  else await call("AWSEvents", "RemovePermission", { EventBusName: bus, RemoveAllPermissions: true });
  for (const repositoryName of repositories) {
    const onRepository = repositoryStatements(application, "aws", repositoryName);
    if (onRepository.length === 0) continue;
    const policyText = policyOf(onRepository);
    await call("AmazonEC2ContainerRegistry_V20150921", "SetRepositoryPolicy", { repositoryName, policyText });
  }
}

async function provisionMember(
  aws: LocalAws,
  application: Application,
  member: MemberDescription,
  secrets: Readonly<Record<string, string>>,
) {
  const { bus } = application;
  const { account, externalId, forwards, role } = member;
  const there = await aws.account(account);
  const call = caller(there);
  const secretArns = await keepSecrets(call, member.secrets, secrets);
  const home = placeIn(application, application, aws.world);
  const place = placeIn(application, member, there.world);
  const found = Object.entries(secretArns).map(([name, arn]) => [name, { arn }]);
  makeEnvironmentRoles(aws.iam, application, member, { place, home, secrets: Object.fromEntries(found) });
  aws.iam.putRole({
    arn: roleArn(place, role),
    statements: memberStatements(application, member, place),
    trusts: [functionsEntrance(application, member, home)],
  });
  await call("AmazonEC2ContainerServiceV20141113", "CreateCluster", { clusterName: member.cluster });
  for (const { name, pattern } of forwards) {
    const Rule = `Member${name}`;
    await call("AWSEvents", "PutRule", { Name: Rule, EventPattern: JSON.stringify(pattern) });
    const Arn = arn(home, "events", `event-bus/${bus}`);
    const RoleArn = roleArn(place, roleNames.rule(application, Rule));
    aws.iam.putRole({ arn: RoleArn, statements: forwardStatements(application, home) });
    await call("AWSEvents", "PutTargets", { Rule, Targets: [{ Id: Rule, Arn, RoleArn }] });
  }
  const access = { roleArn: roleArn(place, role), externalId };
  return { ...accountResources(application, member, there.world, secretArns), access };
}

function policyOf(statements: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}
