import * as z from "zod";
import { SpillwayError } from "./errors.ts";

const Name = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,30}$/,
    "use 1 to 31 lower-case letters, digits and hyphens, starting with a letter",
  );
const RepositoryName = z
  .string()
  .regex(/^[a-z0-9]+([._/-][a-z0-9]+)*$/, "use an ECR repository name, such as web or team/web");
const SecretName = z
  .string()
  .regex(
    /^[\w/+=.@-]+(:[\w.-]+)?$/,
    "use the name of a Secrets Manager secret, optionally followed by :json-key",
  );
const Minutes = z.number().int().min(5, "CodeBuild allows 5 to 2160 minutes").max(2160);

/** One check of a release, run by CodeBuild. */
export const StageConfig = z.strictObject({
  /** Path of the buildspec (version 0.2) in the source repository. */
  buildspec: z.string().min(1),
  timeoutMinutes: Minutes.default(15),
  /** CodeBuild image. */
  image: z.string().default("aws/codebuild/amazonlinux-x86_64-standard:5.0"),
  computeType: z
    .enum(["BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE"])
    .default("BUILD_GENERAL1_SMALL"),
});

/** When a service counts as healthy. All rules are judged by `core/health.ts`. */
export const HealthConfig = z.strictObject({
  path: z.string().startsWith("/", "a path starts with /").default("/health"),
  intervalSeconds: z.number().int().min(1).max(300).default(5),
  /** This many good answers in a row: healthy. */
  consecutiveSuccesses: z.number().int().min(1).max(100).default(3),
  /** This many bad answers in a row: unhealthy. */
  consecutiveFailures: z.number().int().min(1).max(100).default(3),
  /** Undecided for this long: unhealthy if the service answered badly, inconclusive if it could not be asked. */
  deadlineSeconds: z.number().int().min(5).max(3600).default(180),
  timeoutSeconds: z.number().int().min(1).max(20).default(5),
});

/** An App Runner service as the place where a service runs. */
export const AppRunnerConfig = z.strictObject({
  kind: z.literal("apprunner"),
  port: z.number().int().min(1).max(65535).default(8080),
  cpu: z.enum(["256", "512", "1024", "2048", "4096"]).default("256"),
  memory: z.enum(["512", "1024", "2048", "3072", "4096", "6144", "8192", "10240", "12288"]).default("512"),
  variables: z.record(z.string(), z.string()).default({}),
  /** Variable → Secrets Manager secret. Resolved by App Runner; our functions never see the value. */
  secrets: z.record(z.string(), SecretName).default({}),
});

export const EnvironmentConfig = z.strictObject({
  target: AppRunnerConfig,
  health: HealthConfig.prefault({}),
  /** The secret that holds the database's URL; the migration task gets it as DATABASE_URL. */
  database: z.strictObject({ secret: SecretName }).optional(),
});

export const ServiceConfig = z.strictObject({
  image: z.strictObject({
    repository: RepositoryName,
    platform: z.enum(["linux/amd64", "linux/arm64"]).default("linux/amd64"),
  }),
  migration: z
    .strictObject({
      repository: RepositoryName,
      /** Whether a failed release may take its migration back. */
      revert: z.enum(["never", "allowed"]).default("never"),
      timeoutMinutes: z.number().int().min(1).max(1440).default(30),
    })
    .optional(),
  source: z.strictObject({
    type: z.enum(["GITHUB", "GITLAB", "BITBUCKET", "CODECOMMIT"]).default("GITHUB"),
    location: z.url("use the repository's https URL"),
  }),
  stages: z.record(Name, StageConfig),
  /** Tracks run side by side; the stages of a track one after another. */
  tracks: z.array(z.array(Name).min(1)),
  environments: z.record(Name, EnvironmentConfig),
  /** Waves come one after another; the environments of a wave side by side. */
  waves: z.array(z.array(Name).min(1)).min(1),
});

/** Everything a team tells Spillway about its services: the shape of `spillway.config.ts`. */
export const Config = z
  .strictObject({ services: z.record(Name, ServiceConfig) })
  .superRefine((config, context) => {
    for (const [name, service] of Object.entries(config.services)) checkService(name, service, context);
  });

export type Config = z.output<typeof Config>;
export type ConfigInput = z.input<typeof Config>;
export type ServiceConfig = z.output<typeof ServiceConfig>;
export type EnvironmentConfig = z.output<typeof EnvironmentConfig>;
export type HealthConfig = z.output<typeof HealthConfig>;
export type StageConfig = z.output<typeof StageConfig>;

/** Gives `spillway.config.ts` its types. The config is checked by `parseConfig`, where the message can be shown. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

/**
 * Checks a config and fills in the defaults.
 * @throws SpillwayError InvalidConfig, with one line per problem: the path, what is wrong and the remedy.
 */
export function parseConfig(input: unknown): Config {
  const parsed = Config.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${showPath(issue.path)}: ${explain(issue)}`);
  throw new SpillwayError("InvalidConfig", `spillway.config.ts is not valid:\n${problems.join("\n")}`);
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys")
    return `unknown setting ${issue.keys.join(", ")}; remove it or correct its spelling`;
  return issue.message;
}

function showPath(path: readonly PropertyKey[]): string {
  return path.length === 0 ? "(the whole file)" : path.map(String).join(".");
}

function checkService(name: string, service: ServiceConfig, context: z.RefinementCtx): void {
  const report = (path: string, message: string) =>
    context.addIssue({ code: "custom", path: ["services", name, path], message });
  checkPartition(service.tracks, Object.keys(service.stages), "stage", (text) => report("tracks", text));
  checkPartition(service.waves, Object.keys(service.environments), "environment", (text) =>
    report("waves", text),
  );
  if (service.migration === undefined) return;
  for (const [environment, { database }] of Object.entries(service.environments))
    if (database === undefined)
      report(
        "environments",
        `${environment} needs database.secret, because the service has a migration image`,
      );
}

/** Each declared name appears exactly once in the groups, and nothing else does. */
function checkPartition(
  groups: readonly (readonly string[])[],
  declared: readonly string[],
  noun: string,
  report: (message: string) => void,
): void {
  const listed = groups.flat();
  for (const name of new Set(listed)) {
    if (!declared.includes(name))
      report(`no ${noun} is named ${name}; there are ${declared.join(", ") || "none"}`);
    else if (listed.filter((other) => other === name).length > 1)
      report(`${name} is listed twice; list each ${noun} once`);
  }
  for (const name of declared)
    if (!listed.includes(name)) report(`${name} is never run; add it or remove the ${noun}`);
}
