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

/** A deployment as a part of keys: `web-3f2a91c0d4e5-1/production/1`. Fits ECS's `startedBy`. */
export function deploymentKey({
  release,
  environment,
  attempt,
}: {
  readonly release: string;
  readonly environment: string;
  readonly attempt: number;
}): string {
  return `${release}/${environment}/${attempt}`;
}
