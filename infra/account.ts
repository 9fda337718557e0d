import { probeAppRunner } from "../aws/apprunner.ts";
import type { Connection } from "../aws/connection.ts";
import { openExecutions } from "../aws/states.ts";
import { machineNames } from "./application.ts";
import { machineArn } from "./arns.ts";
import { type Found, memberProblemsOf, problemsOf } from "./checks.ts";
import { findMember } from "./found-members.ts";
import { application, config, here, member, place, settings } from "./stage.ts";

/** The tag by which a repository says which installation made it. */
export const installationTag = "spillway:installation";

/** What the account already has of what the config names. */
export const found: Found = {
  secrets: (await Promise.all(here.secrets.map(findSecret))).filter((secret) => secret !== undefined),
  repositories: member === undefined ? await findRepositories() : [],
  network: await findNamedNetwork(settings.network),
  defaultNetwork: settings.network === undefined ? await findDefaultNetwork() : undefined,
  cluster: here.makesCluster ? undefined : await findCluster(here.cluster),
  appRunner: here.environments.length === 0 ? undefined : await probeAppRunner(connection()),
  openExecutions: member === undefined ? await findOpenExecutions() : [],
  members: member === undefined ? await Promise.all(application.members.map(findMember)) : [],
};

/** @throws Error with everything that stands in the way, before anything is made. */
export function refuseWhatCannotWork(): void {
  const problems =
    member === undefined
      ? problemsOf(application, config, place, found)
      : memberProblemsOf(application, member, settings, config.aws, place, found);
  if (problems.length > 0)
    throw new Error(
      `Spillway cannot be deployed:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    );
}

async function findSecret(name: string) {
  const secret = await orUndefined(aws.secretsmanager.getSecret({ name }));
  // Without a key of yours, Secrets Manager uses its own, which needs no permission.
  return secret && { name, arn: secret.arn, key: secret.kmsKeyId || undefined };
}

async function findRepositories() {
  const { names } = await aws.ecr.getRepositories();
  const ours = application.repositories.filter((name) => names.includes(name));
  return Promise.all(
    ours.map(async (name) => ({
      name,
      installation: (await aws.ecr.getRepository({ name })).tags[installationTag],
    })),
  );
}

async function findNamedNetwork(named: typeof config.aws.network) {
  if (named === undefined) return undefined;
  const subnets = named.subnets.map(async (id) => ({
    id,
    vpc: (await orUndefined(aws.ec2.getSubnet({ id })))?.vpcId,
  }));
  const securityGroups = named.securityGroups.map(async (id) => ({
    id,
    vpc: (await orUndefined(aws.ec2.getSecurityGroup({ id })))?.vpcId,
  }));
  return { subnets: await Promise.all(subnets), securityGroups: await Promise.all(securityGroups) };
}

async function findCluster(name: string) {
  const cluster = await orUndefined(aws.ecs.getCluster({ clusterName: name }));
  return { name, status: cluster?.status };
}

async function findDefaultNetwork() {
  const vpc = await orUndefined(aws.ec2.getVpc({ default: true }));
  if (vpc === undefined) return undefined;
  const { ids } = await aws.ec2.getSubnets({
    filters: [
      { name: "vpc-id", values: [vpc.id] },
      { name: "default-for-az", values: ["true"] },
    ],
  });
  return { vpc: vpc.id, subnets: ids };
}

async function findOpenExecutions() {
  const arns = machineNames.map((name) => machineArn(application, place, name));
  return (await Promise.all(arns.map((arn) => openExecutions(connection(), arn)))).flat();
}

/** With what SST's own components are given to deploy with, else what the SDK finds. */
function connection(): Connection {
  const { SST_AWS_ACCESS_KEY_ID: accessKeyId, SST_AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  const { SST_AWS_SESSION_TOKEN: sessionToken } = process.env;
  return {
    now: Date.now,
    fetch,
    client: {
      region: place.region,
      ...(accessKeyId && secretAccessKey
        ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } }
        : {}),
    },
  };
}

/** A lookup of what need not be there. What else went wrong is not swallowed. */
async function orUndefined<T>(lookup: Promise<T>): Promise<T | undefined> {
  try {
    return await lookup;
  } catch (error) {
    if (error instanceof Error && /not found|couldn't find|no matching|empty result/i.test(error.message))
      return undefined;
    throw error;
  }
}
