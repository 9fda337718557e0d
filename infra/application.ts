import { clearingTimeoutSeconds, type Released } from "../core/clearing.ts";
import { type Compute, computeOf } from "../core/compute.ts";
import type { BuildConfig, Config, ServiceConfig } from "../core/config.ts";
import { functionTimeoutSeconds } from "../core/lease.ts";
import { membersOf } from "../core/members.ts";
import { migrationFamily, projectName, tableName, targetName } from "../core/names.ts";
import { databaseOf } from "../core/settings.ts";
import { buildImageStage } from "../core/stage.ts";
import { rulesOf } from "./event-rules.ts";
import {
  describeAccount,
  describeMembers,
  type MemberDescription,
  rulesForMembers,
  withEntrance,
} from "./members.ts";
import { type Permission, permissions } from "./permissions.ts";

/** A Lambda function of the installation. Its name is that of its state, its file and its placeholder. */
export interface FunctionDescription {
  readonly name: string;
  /** The file whose `handler` it is. */
  readonly file: string;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly permissions: readonly Permission[];
  /** What it is told: environment variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** How its function URL knows who calls; undefined: it has none. */
  readonly functionUrl?: "AWS_IAM" | undefined;
}

/** A rule of the event bus: when it matches, its target runs. */
export interface RuleDescription {
  readonly name: string;
  readonly bus: "default" | "spillway";
  readonly pattern?: object;
  readonly schedule?: string;
  readonly target: { readonly machine: MachineName } | { readonly function: string };
}

export const machineNames = ["ReleaseMachine", "DeployMachine"] as const;
export type MachineName = (typeof machineNames)[number];

/** A CodeBuild project: one for each stage of each service. */
export interface ProjectDescription {
  readonly name: string;
  readonly buildspec: string;
  readonly source: { readonly type: string; readonly location: string };
  readonly compute: Compute;
  /** Whether its builds are in the network that the config names. */
  readonly network: boolean;
  readonly timeoutMinutes: number;
  /** Names of the secrets that its builds may read. */
  readonly secrets: readonly string[];
  /** Repositories that its builds may pull from. */
  readonly pullsFrom: readonly string[];
  /** Repositories that its builds may push to; its builds may run a container engine if there are any. */
  readonly pushesTo: readonly string[];
}

/** A place where a service runs, with all that must be kept apart from its siblings. */
export interface EnvironmentDescription {
  readonly service: string;
  readonly environment: string;
  /** The name of its target. */
  readonly target: string;
  /** The repository of what runs there. */
  readonly image: string;
  /** The repository of its migrations; undefined where nothing is migrated. */
  readonly migrationImage: string | undefined;
  /** The family of its migrations' task definitions; undefined where nothing is migrated. */
  readonly migrationFamily: string | undefined;
  /** Names of the secrets that the running service may read. */
  readonly secrets: readonly string[];
  /** Names of the secrets that its migrations may read. */
  readonly migrationSecrets: readonly string[];
}

/** What environments need in the account where they run. */
export interface AccountDescription {
  /** The name of the ECS cluster where migrations run. */
  readonly cluster: string;
  /** Whether the installation makes it; else it is there already. */
  readonly makesCluster: boolean;
  readonly migrationLogGroup: string;
  /** The name of the connector by which services reach a private network; undefined: there is none. */
  readonly vpcConnector: string | undefined;
  /** The services that run there. */
  readonly services: readonly string[];
  /** The environments that are there. */
  readonly environments: readonly EnvironmentDescription[];
  /** Names of the secrets that must be there. */
  readonly secrets: readonly string[];
}

/**
 * All that exists in an installation. Two builders read it: the one for AWS and the one for a laptop. As an account, it
 * is the installation's own: `environments` are those that run at home, `services` are all.
 */
export interface Application extends AccountDescription {
  /** What every physical name begins with. */
  readonly prefix: string;
  readonly bus: string;
  /** The other accounts where environments run. */
  readonly members: readonly MemberDescription[];
  /** Where its functions count; each installation has its own, or one would sound the alarms of another. */
  readonly metricNamespace: string;
  readonly functions: readonly FunctionDescription[];
  readonly machines: Readonly<Record<MachineName, string>>;
  readonly rules: readonly RuleDescription[];
  readonly projects: readonly ProjectDescription[];
  /** The repositories of what runs: a push there begins a release. */
  readonly imageRepositories: readonly string[];
  readonly migrationRepositories: readonly string[];
  /** Both. */
  readonly repositories: readonly string[];
  /** The name of the table that holds the records. */
  readonly table: string;
  /** What deletes what releases made, when the installation is removed; undefined: that stays, as its records do. */
  readonly removal: { readonly function: string; readonly released: Released } | undefined;
}

/** The function that only an installation has which is removed with all that was made in it. */
const remover = "ClearEnvironments";

/**
 * Describes the installation that runs `config`, whose physical names begin with `prefix`.
 * @param permanent whether what it made is kept when it is removed.
 */
export function describeApplication(
  config: Config,
  prefix: string,
  { permanent = false }: { readonly permanent?: boolean } = {},
): Application {
  const services = Object.entries(config.services);
  const metricNamespace = `Spillway/${prefix}`;
  const environments = services.flatMap(([service, config]) => environmentsOf(prefix, service, config));
  const away = membersOf(config).flatMap((member) => member.environments);
  const atHome = environments.filter(
    ({ service, environment }) => !away.includes(`${service}/${environment}`),
  );
  const own = describeAccount(prefix, config.aws, atHome);
  const projects = services.flatMap(([service, config]) => projectsOf(prefix, service, config));
  const imageRepositories = services.map(([, { image }]) => image.repository);
  const rules = rulesOf(prefix, imageRepositories, namedTargets(environments, prefix), [
    ...new Set([own, ...membersOf(config)].map(({ cluster = prefix }) => cluster)),
  ]);
  const present = Object.entries(permissions).filter(([name]) => !(permanent && name === remover));
  const functions = present.map(
    ([name, granted]): FunctionDescription => ({
      name,
      file: `functions/${kebab(name)}.ts`,
      timeoutSeconds: name === remover ? clearingTimeoutSeconds : functionTimeoutSeconds,
      memoryMegabytes: 512,
      functionUrl: name === "Operate" ? "AWS_IAM" : undefined,
      permissions: withEntrance(granted, config),
      environment: {
        SPILLWAY_TABLE: tableName(prefix),
        POWERTOOLS_SERVICE_NAME: name,
        POWERTOOLS_METRICS_NAMESPACE: metricNamespace,
      },
    }),
  );
  return {
    ...own,
    prefix,
    table: tableName(prefix),
    bus: prefix,
    metricNamespace,
    services: Object.keys(config.services),
    members: describeMembers(config, prefix, environments, functions, rules),
    functions,
    machines: {
      ReleaseMachine: "state-machines/release.asl.json",
      DeployMachine: "state-machines/deploy.asl.json",
    },
    rules: [...rules, ...rulesForMembers(config, rules)],
    projects,
    imageRepositories,
    migrationRepositories: services.flatMap(([, { migration }]) => migration?.repository ?? []),
    repositories: services.flatMap(([, service]) => repositoriesOf(service)),
    secrets: [...new Set([...projects.flatMap(({ secrets }) => secrets), ...own.secrets])],
    removal: permanent ? undefined : { function: remover, released: releasedOf(atHome, projects, prefix) },
  };
}

/** What releases make in these environments; a target that is called as the config says may be somebody's own. */
function releasedOf(
  environments: readonly EnvironmentDescription[],
  projects: readonly ProjectDescription[],
  prefix: string,
): Released {
  const named = namedTargets(environments, prefix);
  return {
    targets: environments.flatMap(({ target }) => (named.includes(target) ? [] : [target])),
    families: environments.flatMap(({ migrationFamily: family }) => family ?? []),
    projects: projects.map(({ name }) => name),
  };
}

function projectsOf(prefix: string, service: string, config: ServiceConfig): ProjectDescription[] {
  const repositories = repositoriesOf(config);
  const describe = (
    stage: string,
    { buildspec, network, timeoutMinutes, secrets, ...size }: BuildConfig,
    rights: Pick<ProjectDescription, "pullsFrom" | "pushesTo">,
  ) => ({
    name: projectName(prefix, service, stage),
    source: config.source,
    compute: computeOf(size, config.image),
    ...{ buildspec, network, timeoutMinutes },
    secrets: namesOf(Object.values(secrets)),
    ...rights,
  });
  const stages = Object.entries(config.stages).map(([stage, settings]) =>
    describe(stage, settings, {
      pullsFrom: settings.needs === "image" ? repositories : [],
      pushesTo: [],
    }),
  );
  if (config.build === undefined) return stages;
  const rights = { pullsFrom: repositories, pushesTo: repositories };
  return [...stages, describe(buildImageStage, config.build, rights)];
}

function repositoriesOf({ image, migration }: ServiceConfig): string[] {
  return migration === undefined ? [image.repository] : [image.repository, migration.repository];
}

function environmentsOf(
  prefix: string,
  service: string,
  { environments, image, migration }: ServiceConfig,
): EnvironmentDescription[] {
  return Object.entries(environments).map(([environment, config]) => {
    const { secret, ca } = databaseOf(config) ?? {};
    const migrated = migration !== undefined && secret !== undefined;
    return {
      service,
      environment,
      target: config.target.name ?? targetName(prefix, service, environment),
      image: image.repository,
      migrationImage: migrated ? migration.repository : undefined,
      migrationFamily: migrated ? migrationFamily(prefix, service, environment) : undefined,
      secrets: namesOf(Object.values(config.target.secrets)),
      migrationSecrets: migrated ? namesOf([secret, ca]) : [],
    };
  });
}

/** The targets that are called as the config says: nothing else tells that they are ours. */
export function namedTargets(environments: readonly EnvironmentDescription[], prefix: string): string[] {
  return environments.flatMap(({ service, environment, target }) =>
    target === targetName(prefix, service, environment) ? [] : [target],
  );
}

function namesOf(references: readonly (string | undefined)[]): string[] {
  return [...new Set(references.filter((reference) => reference !== undefined).map(secretName))];
}

/** `web/database:url` → `web/database`. */
function secretName(reference: string): string {
  return reference.split(":")[0] ?? reference;
}

function kebab(name: string): string {
  return name.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}

/** The table's shape: its keys and its two indexes. */
export const tableShape = {
  keys: { partition: "pk", sort: "sk" },
  attributes: { pk: "S", sk: "S", awaitedArn: "S", openKind: "S", lookAgainAt: "N" },
  indexes: {
    awaited: { partition: "awaitedArn", sort: "sk" },
    open: { partition: "openKind", sort: "lookAgainAt" },
  },
} as const;
