import type { DatabaseConfig, EnvironmentConfig, ServiceConfig } from "./config.ts";
import { SpillwayError } from "./errors.ts";
import { targetName } from "./names.ts";
import type { Access, AccountResources, Release } from "./records.ts";

/** What a running container is given, and how large it is. Secrets are references, never values. */
export interface RuntimeSettings {
  readonly port: number;
  readonly cpu: string;
  readonly memory: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Variable → `arn` or `arn:json-key::` of a secret. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly healthPath: string;
  /** When the platform lets a new instance serve. */
  readonly healthCheck: {
    readonly intervalSeconds: number;
    readonly timeoutSeconds: number;
    readonly healthyThreshold: number;
    readonly unhealthyThreshold: number;
  };
  readonly accessRoleArn: string;
  readonly instanceRoleArn: string;
  /** Undefined: how the service reaches out stays as it is. */
  readonly vpcConnectorArn: string | undefined;
}

/** A release's own copy of its service's config. @throws SpillwayError RecordUnreadable if the record lacks it. */
export function requireService({
  id,
  service,
  installation,
}: Pick<Release, "id" | "service" | "installation">) {
  const config = installation.config.services[service];
  if (config !== undefined) return config;
  throw new SpillwayError("RecordUnreadable", `The record of ${id} has no config of its service ${service}.`);
}

/** The parts of a release's own copy of the config that concern one environment. */
export function environmentOf(
  release: Pick<Release, "service" | "installation" | "id">,
  environment: string,
) {
  const service = release.installation.config.services[release.service];
  const found = service?.environments[environment];
  if (service === undefined || found === undefined)
    throw new SpillwayError(
      "InvalidInput",
      `The release ${release.id} was admitted without an environment ${environment}; it has ${Object.keys(service?.environments ?? {}).join(", ") || "none"}.`,
    );
  return { service, environment: found };
}

/** What the target of an environment is called in AWS: as the config says, or by its service and environment. */
export function targetOf(
  release: Pick<Release, "service" | "installation" | "id">,
  environment: string,
): string {
  const { target } = environmentOf(release, environment).environment;
  return target.name ?? targetName(release.installation.resources.prefix, release.service, environment);
}

/**
 * What an environment needs in the account where it runs; with `access` if that is another than the installation's.
 * @throws SpillwayError InvalidConfig if the installation was not deployed since the environment moved there.
 */
export function resourcesOf(
  release: Pick<Release, "service" | "installation" | "id">,
  environment: string,
): AccountResources & { readonly access?: Access } {
  const { account } = environmentOf(release, environment).environment;
  const { members = {}, ...home } = release.installation.resources;
  if (account === undefined) return home;
  const member = members[account.id];
  if (member !== undefined) return member;
  throw new SpillwayError(
    "InvalidConfig",
    `The installation does not know what there is for ${environment} in the account ${account.id}; deploy it there, then here again.`,
  );
}

/** What the environment's target is told for this release. */
export function runtimeSettings(release: Release, environment: string): RuntimeSettings {
  const { target, health } = environmentOf(release, environment).environment;
  const resources = resourcesOf(release, environment);
  return {
    port: target.port,
    cpu: target.cpu,
    memory: target.memory,
    variables: {
      ...target.variables,
      SPILLWAY_RELEASE: release.id,
      SPILLWAY_ENVIRONMENT: environment,
      ...(release.commit === undefined ? {} : { SPILLWAY_COMMIT: release.commit }),
    },
    secrets: Object.fromEntries(
      Object.entries(target.secrets).map(([variable, secret]) => [
        variable,
        secretReference(resources, secret),
      ]),
    ),
    healthPath: health.path,
    healthCheck: target.healthCheck,
    accessRoleArn: resources.appRunnerAccessRoleArn,
    instanceRoleArn: rolesOf(resources, release.service, environment).instance,
    vpcConnectorArn: resources.vpcConnectorArn,
  };
}

/** Whether a failed deployment may take its migration back. */
export function revertPolicy(
  service: Pick<ServiceConfig, "migration">,
  environment: Pick<EnvironmentConfig, "migration">,
): "never" | "allowed" {
  return environment.migration?.revert ?? service.migration?.revert ?? "never";
}

/** The roles of one environment. @throws SpillwayError InvalidConfig if the installation made none. */
export function rolesOf(
  resources: Pick<AccountResources, "environmentRoles">,
  service: string,
  environment: string,
) {
  const roles = resources.environmentRoles[`${service}/${environment}`];
  if (roles !== undefined) return roles;
  throw new SpillwayError(
    "InvalidConfig",
    `The installation has no roles for ${service} in ${environment}; deploy the installation again.`,
  );
}

/** The environment's database; undefined where nothing is migrated. */
export function databaseOf({ database }: Pick<EnvironmentConfig, "database">): DatabaseConfig | undefined {
  return database === "none" ? undefined : database;
}

/**
 * The reference by which AWS resolves a secret: `web/database` → its ARN, `web/database:url` → `ARN:url::`.
 * @throws SpillwayError InvalidConfig if the installation has no such secret.
 */
export function secretReference(resources: Pick<AccountResources, "secrets">, secret: string): string {
  const [name = "", jsonKey] = secret.split(":");
  const arn = resources.secrets[name];
  if (arn === undefined)
    throw new SpillwayError(
      "InvalidConfig",
      `The config names the secret ${name}, which this installation does not know where it is used; create it there and deploy the installation again.`,
    );
  return jsonKey === undefined ? arn : `${arn}:${jsonKey}::`;
}
