/** Physical names, made in one place so that what creates a thing and what calls it cannot disagree. */

/** The CodeBuild project of a stage. */
export function projectName(prefix: string, service: string, stage: string): string {
  return `${prefix}-${service}-${stage}`;
}

/** The App Runner service (or other target) of an environment. */
export function targetName(prefix: string, service: string, environment: string): string {
  return `${prefix}-${service}-${environment}`;
}

/** The ECS task definition family of an environment's migrations. */
export function migrationFamily(prefix: string, service: string, environment: string): string {
  return `${prefix}-${service}-${environment}-migration`;
}

/** The container of a migration task; its exit code is the migration's. */
export const migrationContainer = "migration";

/** The table that holds the records. */
export function tableName(prefix: string): string {
  return `${prefix}-records`;
}

/** The CloudWatch log group of an App Runner service: what its instances print, or what App Runner does with it. */
export function targetLogGroup(arn: string, kind: "application" | "service"): string {
  return `/aws/apprunner/${arn.split("/").slice(-2).join("/")}/${kind}`;
}

/** What the names of all log groups of an App Runner service of that name begin with, whatever its id. */
export function targetLogGroups(name: string): string {
  return `/aws/apprunner/${name}/`;
}

/** The service of a release, as `releaseId` and `sourceReleaseId` name it: `web` of `web-3f2a91c0d4e5-1`. */
export function serviceOf(release: string): string {
  return release.split("-").slice(0, -2).join("-");
}

interface NamedDeployment {
  readonly release: string;
  readonly environment: string;
  readonly attempt: number;
}

/** A deployment as a part of keys: `web-3f2a91c0d4e5-1/production/1`. Fits ECS's `startedBy`. */
export function deploymentKey({ release, environment, attempt }: NamedDeployment): string {
  return `${release}/${environment}/${attempt}`;
}

/**
 * What the migration image is run for: `check` before anything moves, `up` to migrate, `status` to see what a
 * migration left, `down` to take it back.
 */
export const migrationPurposes = ["check", "up", "status", "down"] as const;
export type MigrationPurpose = (typeof migrationPurposes)[number];

/** The name of a deployment's wait for the people's word. */
export function approvalKey(deployment: NamedDeployment): string {
  return `${deploymentKey(deployment)}/approval`;
}

/** The name of a deployment's wait for its turn. */
export function turnKey(deployment: NamedDeployment): string {
  return `${deploymentKey(deployment)}/turn`;
}

/** The name of a migration task's work: how its wait is found again. */
export function migrationKey(deployment: NamedDeployment, purpose: MigrationPurpose): string {
  return `${deploymentKey(deployment)}/migrate-${purpose}`;
}
