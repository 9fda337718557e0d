import type { AccountConfig, MemberConfig } from "../core/account.ts";
import type { Config } from "../core/config.ts";
import type { AccountResources } from "../core/records.ts";
import type { AccountDescription, Application } from "./application.ts";
import { memberStatements, mostPolicyCharacters, physicalName, statementsOf } from "./arns.ts";
import type { MemberDescription } from "./members.ts";

/** What was looked up in the account, before anything is made. */
export interface Found {
  /** The secrets that the config names and the account has. */
  readonly secrets: readonly {
    readonly name: string;
    readonly arn: string;
    readonly key: string | undefined;
  }[];
  /** Repositories of our names that are there already, with the installation that made them, if one did. */
  readonly repositories: readonly { readonly name: string; readonly installation: string | undefined }[];
  /** What the config names as its network, each with its VPC if it is there; undefined where it names none. */
  readonly network:
    | { readonly subnets: readonly InVpc[]; readonly securityGroups: readonly InVpc[] }
    | undefined;
  /** The default VPC; looked for only where the config names no network. */
  readonly defaultNetwork: { readonly vpc: string; readonly subnets: string[] } | undefined;
  /** The cluster that the config names, with its status if it is there; undefined where it names none. */
  readonly cluster: { readonly name: string; readonly status: string | undefined } | undefined;
  /** What App Runner says; undefined where no environment wants it. */
  readonly appRunner: "used" | "unused" | "refused" | "absent" | undefined;
  /** What is under way, with the definitions of the time when it began. */
  readonly openExecutions: readonly { readonly arn: string; readonly definition: string }[];
  /** What was made in each member account, or why that cannot be read. */
  readonly members: readonly {
    readonly account: string;
    readonly resources: AccountResources | undefined;
    readonly refusal: string | undefined;
  }[];
}

interface InVpc {
  readonly id: string;
  readonly vpc: string | undefined;
}

/** Where a deployment would go to. */
export interface Destination {
  readonly account: string;
  readonly region: string;
}

/**
 * Why this installation cannot be deployed, each with what to do about it; empty if it can. Everything is said at
 * once, before anything is made: what AWS would say half-way is late and short.
 */
export function problemsOf(
  application: Application,
  { aws: settings }: Pick<Config, "aws">,
  { account, region }: Destination,
  found: Found,
): string[] {
  const where = `account ${account}, region ${region}`;
  const astray = wrongRegion(settings, region);
  if (settings.account !== undefined && settings.account !== account)
    return [
      `The credentials are for account ${account}, but spillway.config.ts says aws.account ${settings.account}; set AWS_PROFILE to a profile of that account, or change the config.`,
    ];
  if (astray.length > 0) return astray;
  return [
    ...missingSecrets(application, found, region, where),
    ...abandonedExecutions(application, found),
    ...foreignRepositories(application, found, where),
    ...equalNames(application),
    ...longNames(application),
    ...largePolicies(application, { partition: "aws", account, region }),
    ...unknownMembers(application, found),
    ...network(found, where, "aws.network"),
    ...cluster(found, region, where, "aws.cluster"),
    ...builds(application, settings.network, region),
    ...appRunner(found.appRunner, settings.appRunner === "existing-customer", region, where, "aws.appRunner"),
  ];
}

/** The same for what an installation needs in a member account. */
export function memberProblemsOf(
  application: Application,
  member: MemberDescription,
  settings: Pick<MemberConfig, "network" | "appRunner">,
  home: AccountConfig,
  { account, region }: Destination,
  found: Found,
): string[] {
  const where = `account ${account}, region ${region}`;
  const astray = wrongRegion(home, region);
  if (astray.length > 0) return astray;
  return [
    ...missingSecrets(member, found, region, where),
    ...tooLong([targetNames(member)]),
    ...largeMemberPolicy(application, member, { partition: "aws", account, region }),
    ...network(found, where, "account.network"),
    ...cluster(found, region, where, "account.cluster"),
    ...appRunner(
      found.appRunner,
      settings.appRunner === "existing-customer",
      region,
      where,
      "account.appRunner",
    ),
  ];
}

function wrongRegion({ region: wanted }: AccountConfig, region: string): string[] {
  if (wanted === undefined || wanted === region) return [];
  return [
    `The region is ${region}, but spillway.config.ts says aws.region ${wanted}; set AWS_REGION=${wanted}, or change the config.`,
  ];
}

/** An account that was not deployed to, or not since the config grew, is not one to release to. */
function unknownMembers({ members }: Application, found: Found): string[] {
  return members.flatMap(({ account, environments, secrets }) => {
    const { resources, refusal } = found.members.find((one) => one.account === account) ?? {};
    const remedy = `Deploy with credentials of ${account} first (AWS_PROFILE=… npx sst deploy, same stage and region), then here again.`;
    if (resources === undefined)
      return [
        `The account ${account} does not say what there is for its environments (${refusal ?? "nothing was found"}). Either nothing was deployed there yet, or it was with another external id or another aws.account. ${remedy}`,
      ];
    const lacking = [
      ...environments
        .map(({ service, environment }) => `${service}/${environment}`)
        .filter((name) => resources.environmentRoles[name] === undefined)
        .map((name) => `the environment ${name}`),
      ...secrets.filter((name) => resources.secrets[name] === undefined).map((name) => `the secret ${name}`),
    ];
    return lacking.length === 0
      ? []
      : [`The account ${account} does not have ${lacking.join(", ")} of the config yet. ${remedy}`];
  });
}

function missingSecrets(
  { secrets }: AccountDescription,
  found: Found,
  region: string,
  where: string,
): string[] {
  return secrets
    .filter((name) => !found.secrets.some((secret) => secret.name === name))
    .map(
      (name) =>
        `The config names the secret ${name}, which is not in ${where}. Create it (aws secretsmanager create-secret --region ${region} --name ${name} --secret-string file://…), or deploy to the region where it is.`,
    );
}

/**
 * Lambda keeps the published versions of a function as long as the function is there, so an execution ends on those
 * with which it began. Only a version of Spillway that has a function no more would take them away.
 */
function abandonedExecutions(application: Application, { openExecutions }: Found): string[] {
  const { prefix, functions } = application;
  const kept = new Set(functions.map(({ name }) => physicalName(application, name)));
  const called = new RegExp(`:function:(${prefix}-\\w+):\\d+`, "g");
  return openExecutions.flatMap(({ arn, definition }) => {
    const names = new Set([...definition.matchAll(called)].map(([, name = ""]) => name));
    const gone = [...names].filter((name) => !kept.has(name));
    if (gone.length === 0) return [];
    return [
      `The execution ${arn} is under way and calls ${gone.join(", ")}, which this version of Spillway no longer has. Let it end before you deploy (aws stepfunctions describe-execution --execution-arn ${arn} --query status), or stop it.`,
    ];
  });
}

function foreignRepositories({ prefix }: Application, found: Found, where: string): string[] {
  return found.repositories
    .filter(({ installation }) => installation !== prefix)
    .map(
      ({ name, installation }) =>
        `The ECR repository ${name} is already in ${where} and belongs to ${installation === undefined ? "nobody that Spillway knows" : `the installation ${installation}`}. Name another repository in spillway.config.ts, or delete that one if nothing uses its images.`,
    );
}

/** Two services may not share a name that is made of theirs: `a` with stage `b-c` and `a-b` with stage `c` would. */
function equalNames({ projects, environments, members, repositories }: Application): string[] {
  const everywhere = [...environments, ...members.flatMap((member) => member.environments)];
  const kinds: [string, string[]][] = [
    ["CodeBuild project", projects.map(({ name }) => name)],
    ["target", everywhere.map(({ target }) => target)],
    ["ECR repository", [...repositories]],
  ];
  return kinds.flatMap(([kind, names]) =>
    [...new Set(names.filter((name, index) => names.indexOf(name) !== index))].map(
      (name) =>
        `Two parts of the config would share the ${kind} ${name}; rename one of the services, stages or environments.`,
    ),
  );
}

function longNames(application: Application): string[] {
  const { functions, rules, projects } = application;
  return tooLong([
    ["Lambda function", 64, functions.map(({ name }) => physicalName(application, name))],
    ["EventBridge rule", 64, rules.map(({ name }) => physicalName(application, name))],
    targetNames(application),
    ["CodeBuild project", 150, projects.map(({ name }) => name)],
  ]);
}

/** What a kind of thing may be called at most, and what ours would be called. */
type NameLimit = readonly [kind: string, most: number, names: readonly string[]];

function targetNames({ environments }: AccountDescription): NameLimit {
  return ["App Runner service", 40, environments.map(({ target }) => target)];
}

function tooLong(limits: readonly NameLimit[]): string[] {
  return limits.flatMap(([kind, most, names]) =>
    names
      .filter((name) => name.length > most)
      .map(
        (name) =>
          `The ${kind} would be named ${name}, which has ${name.length} characters; ${most} are allowed. Use a shorter SST stage, service or environment name.`,
      ),
  );
}

/** Roles name services, so there are only so many services to an installation. */
function largePolicies(application: Application, place: { partition: string } & Destination): string[] {
  const { environments, functions } = application;
  const full = withRoles(environments.length, place);
  const sizes = functions.map(
    ({ permissions }) => JSON.stringify(statementsOf(permissions, application, full)).length + beside,
  );
  if (Math.max(...sizes) <= mostPolicyCharacters) return [];
  return [
    `The config has ${application.services.length} services in ${environments.length} environments, more than the policy of a role has room for (${Math.max(...sizes)} characters of ${mostPolicyCharacters}). Divide the services among several installations, each with a config of its own.`,
  ];
}

/** One role lets all of an installation's functions into a member account. */
function largeMemberPolicy(
  application: Application,
  member: MemberDescription,
  place: { partition: string } & Destination,
): string[] {
  const { services, environments, account } = member;
  const size = JSON.stringify(
    memberStatements(application, member, withRoles(environments.length, place)),
  ).length;
  if (size <= mostPolicyCharacters) return [];
  return [
    `The config has ${services.length} services in ${environments.length} environments in the account ${account}, more than the policy of a role has room for (${size} characters of ${mostPolicyCharacters}). Divide them among several accounts or installations.`,
  ];
}

/** A place with as many roles as there will be, with names as long as AWS makes them. */
function withRoles(environments: number, place: { partition: string } & Destination) {
  // There is one for all migrations, one for all images and two by environment.
  const roles = Array.from(
    { length: environments + 1 },
    () => `arn:aws:iam::${place.account}:role/${"r".repeat(64)}`,
  );
  return {
    ...place,
    roles: {
      "migration-roles": roles,
      "target-access-role": roles.slice(0, 1),
      "target-instance-roles": roles.slice(1),
    },
  };
}

/** What else a function's policy says: its log, its traces. */
const beside = 500;

function network({ network, defaultNetwork }: Found, where: string, setting: string): string[] {
  if (network === undefined && defaultNetwork === undefined)
    return [
      `There is no default VPC in ${where}, and spillway.config.ts names no network: say ${setting} with subnets and security groups from which ECR and the databases can be reached.`,
    ];
  const named = [...(network?.subnets ?? []), ...(network?.securityGroups ?? [])];
  const missing = named.filter(({ vpc }) => vpc === undefined);
  if (missing.length > 0)
    return missing.map(
      ({ id }) => `${setting} in spillway.config.ts names ${id}, which is not in ${where}; correct it there.`,
    );
  if (new Set(named.map(({ vpc }) => vpc)).size < 2) return [];
  return [
    `${setting} in spillway.config.ts names ${named.map(({ id, vpc }) => `${id} of ${vpc}`).join(", ")}; name subnets and security groups of one VPC.`,
  ];
}

/** A cluster that was deleted is still answered for, as INACTIVE. */
function cluster({ cluster }: Found, region: string, where: string, setting: string): string[] {
  if (cluster === undefined || cluster.status === "ACTIVE") return [];
  const { name, status } = cluster;
  const state = status === undefined ? "is not in" : `is ${status} in`;
  return [
    `${setting} in spillway.config.ts names the ECS cluster ${name}, which ${state} ${where}. Create it (aws ecs create-cluster --region ${region} --cluster-name ${name}), correct the name, or leave the setting out: then Spillway makes one.`,
  ];
}

/** Where CodeBuild has Lambda compute (AWS documentation, "Run builds on AWS Lambda compute"). */
const lambdaRegions = new Set(
  "us-east-1 us-east-2 us-west-2 ap-south-1 ap-southeast-1 ap-southeast-2 ap-northeast-1 eu-central-1 eu-west-1 sa-east-1".split(
    " ",
  ),
);

function builds({ projects }: Application, network: Config["aws"]["network"], region: string): string[] {
  const onLambda = projects.filter(({ compute }) => compute.isLambda).map(({ name }) => name);
  const inNetwork = projects.filter((project) => project.network).map(({ name }) => name);
  return [
    ...(onLambda.length > 0 && !lambdaRegions.has(region)
      ? [
          `CodeBuild has no Lambda compute in the region ${region}, which ${onLambda.join(", ")} would run on; choose a BUILD_GENERAL1_ size, or deploy to one of ${[...lambdaRegions].join(", ")}.`,
        ]
      : []),
    ...(inNetwork.length > 0 && (network === undefined || network.publicAddress)
      ? [
          `${inNetwork.join(", ")} would build in a network, but spillway.config.ts names ${network === undefined ? "none" : "one of public subnets (aws.network.publicAddress)"}. CodeBuild gives a build no public address, so it would reach nothing outside: say aws.network with private subnets that have a NAT gateway or VPC endpoints, or leave network out of the stages.`,
        ]
      : []),
  ];
}

const elsewhere =
  "App Runner has been closed to new customers since 30 April 2026. Deploy with an account that used it before; AWS names ECS Express Mode as its successor, which Spillway does not deploy to yet.";

function appRunner(
  answer: Found["appRunner"],
  isCustomer: boolean,
  region: string,
  where: string,
  setting: string,
): string[] {
  switch (answer) {
    case "absent":
      return [
        `App Runner is not in the region ${region}; deploy to one where it is, such as us-east-1 or eu-west-1.`,
      ];
    case "refused":
      return [`App Runner refuses ${where}. ${elsewhere}`];
    case "unused":
      if (isCustomer) return [];
      return [
        `App Runner has no service in ${where}, so it cannot be told whether this account may make one. ${elsewhere} If this account did use it, say ${setting}: "existing-customer" in spillway.config.ts.`,
      ];
    default:
      return [];
  }
}
