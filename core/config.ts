import * as z from "zod/mini";
import { AccountConfig, MemberConfig } from "./account.ts";
import { checkCompute } from "./compute.ts";
import { SpillwayError } from "./errors.ts";
import { checkFreezeWindow } from "./freeze-windows.ts";
import { checkMembers } from "./members.ts";
import { type Problem, parse } from "./parse.ts";
import { checkStages } from "./stage.ts";

/** Text of a certain form; `remedy` is what a person reads where it has another. */
const text = (form: RegExp, remedy: string) => z.string().check(z.regex(form, remedy));
/** A whole number from `least` to `most`. */
const whole = (least: number, most: number, remedy?: string) =>
  z.int().check(z.gte(least, remedy), z.lte(most, remedy));

const positive = z.number().check(z.gt(0));

const Name = text(
  /^[a-z][a-z0-9-]{0,30}$/,
  "use 1 to 31 lower-case letters, digits and hyphens, starting with a letter",
);
const RepositoryName = text(
  /^[a-z0-9]+([._/-][a-z0-9]+)*$/,
  "use an ECR repository name, such as web or team/web",
);
const HttpStatus = whole(100, 599, "an HTTP status is a number from 100 to 599");
const SecretName = text(
  /^[\w/+=.@-]+(:[\w.-]+)?$/,
  "use the name of a Secrets Manager secret, optionally followed by :json-key",
);
/** Groups come one after another or side by side; each has at least one name. */
const Groups = z.array(z.array(Name).check(z.minLength(1)));
const BuildVariable = text(
  /^(?!SPILLWAY_|CODEBUILD_)[A-Za-z_][A-Za-z0-9_]*$/,
  "name a variable with letters, digits and underscores, not beginning with SPILLWAY_ or CODEBUILD_",
);

/** How CodeBuild runs a buildspec. */
const buildSettings = {
  /** Path of the buildspec (version 0.2) in the source repository. */
  buildspec: z.string().check(z.minLength(1)),
  /** How long one build may run. Waiting for a free place in CodeBuild does not count. */
  timeoutMinutes: z._default(whole(5, 2160, "CodeBuild allows 5 to 2160 minutes"), 15),
  /** CodeBuild image. Unless said, CodeBuild's own for the compute type and the platform of the service's image. */
  image: z.optional(z.string().check(z.minLength(1))),
  /**
   * The size of CodeBuild's machine. The `BUILD_LAMBDA_` ones begin within seconds and are for fast checks: no root, no
   * network of yours, no cache, no container engine, and an end after 15 minutes.
   */
  computeType: z._default(
    z.enum([
      "BUILD_GENERAL1_SMALL",
      "BUILD_GENERAL1_MEDIUM",
      "BUILD_GENERAL1_LARGE",
      "BUILD_GENERAL1_XLARGE",
      "BUILD_GENERAL1_2XLARGE",
      "BUILD_LAMBDA_1GB",
      "BUILD_LAMBDA_2GB",
      "BUILD_LAMBDA_4GB",
      "BUILD_LAMBDA_8GB",
      "BUILD_LAMBDA_10GB",
    ]),
    "BUILD_GENERAL1_SMALL",
  ),
  /** Whether its builds are in the network of `aws.network`, as they must be to reach a private database. */
  network: z._default(z.boolean(), false),
  /** Variable → value, in the builds' environment. */
  variables: z._default(z.record(BuildVariable, z.string()), {}),
  /** Variable → Secrets Manager secret. Resolved by CodeBuild; our functions never see the value. */
  secrets: z._default(z.record(BuildVariable, SecretName), {}),
};

/** One check of a release, run by CodeBuild. */
export const StageConfig = z.strictObject({
  ...buildSettings,
  /** Whether the commit is enough for it, or it needs the image that was built of it. */
  needs: z._default(z.enum(["source", "image"]), "source"),
  /** Variable → its values: one build for each combination. */
  matrix: z.optional(
    z.record(
      BuildVariable,
      z
        .array(text(/^[^[\],]{1,100}$/, "a value has 1 to 100 characters, none of [ ] and ,"))
        .check(z.minLength(1)),
    ),
  ),
});

/** How the images of a commit are built and pushed. The push opens a release of its own. */
export const BuildConfig = z.strictObject(buildSettings);

/** When a service counts as healthy. All rules are judged by `core/health.ts`. */
export const HealthConfig = z.strictObject({
  /** What is asked: this path at the service's address. */
  path: z._default(text(/^\//, "a path starts with /"), "/health"),
  /** Between two looks. */
  intervalSeconds: z._default(whole(1, 300), 5),
  /** This many good answers in a row: healthy. */
  consecutiveSuccesses: z._default(whole(1, 100), 3),
  /** This many bad answers in a row: unhealthy. */
  consecutiveFailures: z._default(whole(1, 100), 3),
  /** Undecided for this long: unhealthy if the service answered badly, inconclusive if it could not be asked. */
  deadlineSeconds: z._default(whole(5, 3600), 180),
  /** An answer that takes longer is a bad one. */
  timeoutSeconds: z._default(whole(1, 20), 5),
  /** The status, or the statuses, of a good answer; any 2xx unless said. */
  status: z.optional(z.union([HttpStatus, z.array(HttpStatus).check(z.minLength(1))])),
  /** A good answer's body holds this text, within its first 64 KB. */
  bodyContains: z.optional(z.string().check(z.minLength(1))),
  /** A slower answer is a bad one. */
  maximumLatencyMilliseconds: z.optional(whole(1, 20_000)),
  /**
   * The member of the answer's JSON body that names the commit which answers, in full or its first 7 digits or
   * more. An answer of another commit than the one deployed is a bad one.
   */
  commitMember: z.optional(text(/^[^.]+$/, "name one member of the body's JSON object, such as commit")),
});

/** How long a release is watched once it serves, and for what, before it counts as released. */
export const BakeConfig = z.strictObject({
  /** So long it must be well. The environment's lease is held meanwhile. */
  minutes: whole(1, 1440),
  /** Between two looks. */
  intervalSeconds: z._default(whole(10, 3600), 60),
  /** Names of CloudWatch alarms in the environment's account, metric alarms or composite ones: one that begins to ring takes the release back. */
  alarms: z._default(z.array(z.string().check(z.minLength(1), z.maxLength(255))), []).check(z.maxLength(100)),
  /** More answers than this share with 5xx, as its target counts them, take the release back. Not watched unless said. */
  errorPercent: z.optional(z.number().check(z.gte(0), z.lte(100))),
  /** With fewer requests than this the error rate cannot be told. */
  minimumRequests: z._default(whole(1, 1_000_000), 100),
  /**
   * What is done if it cannot be told whether the release is well: "hold" keeps it serving and promotes it no further,
   * "rollBack" takes it back.
   */
  whenInconclusive: z._default(z.enum(["hold", "rollBack"]), "hold"),
});

/** How App Runner itself decides that a new instance may serve. Its own limits. */
export const AppRunnerHealthCheckConfig = z.strictObject({
  /** Between two looks of App Runner. */
  intervalSeconds: z._default(whole(1, 20), 5),
  /** An answer that takes longer is a bad one to App Runner. */
  timeoutSeconds: z._default(whole(1, 20), 2),
  /** This many good answers in a row: it may serve. */
  healthyThreshold: z._default(whole(1, 20), 1),
  /** This many bad answers in a row: App Runner goes back to what ran before. */
  unhealthyThreshold: z._default(whole(1, 20), 5),
});

/** An App Runner service as the place where a service runs. */
export const AppRunnerConfig = z.strictObject({
  /** What runs the service. */
  kind: z.literal("apprunner"),
  /**
   * The name of a service of yours that is to be deployed to; it is made if it is not there. Unless said, Spillway
   * makes one of its own. In SST stages other than production there is always one of their own.
   */
  name: z.optional(
    text(
      /^[A-Za-z0-9][\w-]{3,39}$/,
      "a service of App Runner has a name of 4 to 40 letters, digits, hyphens and underscores",
    ),
  ),
  /** On which the service listens. */
  port: z._default(whole(1, 65535), 8080),
  /** Of an instance, in thousandths of a vCPU (1024 is one). App Runner allows certain pairs of it and `memory`. */
  cpu: z._default(z.enum(["256", "512", "1024", "2048", "4096"]), "256"),
  /** Of an instance, in MB. */
  memory: z._default(
    z.enum(["512", "1024", "2048", "3072", "4096", "6144", "8192", "10240", "12288"]),
    "512",
  ),
  /** Variable → value, in the service's environment. */
  variables: z._default(z.record(z.string(), z.string()), {}),
  /** Variable → Secrets Manager secret. Resolved by App Runner; our functions never see the value. */
  secrets: z._default(z.record(z.string(), SecretName), {}),
  /** On the health path. Not the health by which Spillway judges, which is the environment's `health`. */
  healthCheck: z.prefault(AppRunnerHealthCheckConfig, {}),
});

/** The load an environment must bear, and how well. */
export const PerformanceConfig = z.strictObject({
  /** Half of the answers may take no longer. */
  p50Milliseconds: z.optional(positive),
  /** 99 of 100 answers may take no longer. */
  p99Milliseconds: z.optional(positive),
  /** How many of 100 requests may fail. */
  errorPercent: z.optional(z.number().check(z.gte(0), z.lte(100))),
  /** The load: requests begun each second. */
  requestsPerSecond: z.optional(positive),
  /** How long the load lasts. */
  seconds: z.optional(whole(1, 3600)),
});

/** The database of an environment, by secrets only. */
export const DatabaseConfig = z.strictObject({
  /** The secret that holds the database's URL; the migration task gets it as DATABASE_URL. */
  secret: SecretName,
  /** The secret that holds the certificate of the authority to trust; the migration task gets it as DATABASE_CA. */
  ca: z.optional(SecretName),
});

/** The people without whose word nothing is deployed or promoted. */
export const ApprovalConfig = z.strictObject({
  /** So many different people have to approve. */
  count: z._default(whole(1, 20), 1),
  /** ARNs of those who may, with `*` for any characters; unless said, whoever may call the operator's door. */
  by: z.optional(
    z
      .array(
        text(
          /^(arn:[\w-]+:(iam|sts)::[\d*]+:.+|\*)$/,
          "use the ARN of a user or a role, such as arn:aws:iam::123456789012:role/release-managers; * stands for any characters",
        ),
      )
      .check(z.minLength(1)),
  ),
  /** Without their word by then it ends as Expired; so long a given approval holds for another attempt, too. At most a week. */
  expiresAfterHours: z._default(whole(1, 168), 72),
  /** Whether whoever made the image may approve it. */
  selfApproval: z._default(z.boolean(), false),
  /** Whether an image may be approved that does not say who made it. */
  unknownRequester: z._default(z.enum(["allow", "refuse"]), "allow"),
});

/** A time in which nothing is deployed or promoted. Rollbacks and recoveries go on. */
export const FreezeWindow = z.strictObject({
  /** When it first begins, by the clock of the time zone: 2026-12-18T17:00. */
  start: text(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/,
    "use a day and a time without an offset, such as 2026-12-18T17:00",
  ),
  /** How long it lasts, as ISO 8601 says it: PT64H is 64 hours, P2D is two days by the calendar. */
  duration: text(
    /^P(?=\d|T\d)(\d{1,2}W)?(\d{1,3}D)?(T(?=\d)(\d{1,4}H)?(\d{1,5}M)?)?$/,
    "use weeks, days, hours and minutes, such as P2D, PT64H or P1DT12H",
  ),
  /** The name of the time zone: Europe/Berlin, America/New_York, UTC. */
  timeZone: text(
    /^[A-Za-z][\w+-]*(\/[\w+-]+)*$/,
    "use the name of a time zone, such as Europe/Berlin or UTC",
  ),
  /** How it comes again, as RFC 5545 says it: FREQ=WEEKLY;BYDAY=FR. Absent: it comes once. */
  rrule: z.optional(
    text(
      /^FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;(INTERVAL|COUNT|UNTIL|BYDAY|BYMONTH|BYMONTHDAY|BYYEARDAY|BYWEEKNO|BYSETPOS|WKST)=[\dA-Z,+-]+)*$/,
      "use an RRULE of RFC 5545 that begins with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY, such as FREQ=WEEKLY;BYDAY=FR",
    ),
  ),
  /** Why, for those who wait. */
  reason: z.string().check(z.minLength(3), z.maxLength(200)),
});

const Revert = z.enum(["never", "allowed"]);

/** A place where a service runs. */
export const EnvironmentConfig = z.strictObject({
  target: AppRunnerConfig,
  /** The account where it runs, if not the installation's own. Its secrets are that account's. */
  account: z.optional(MemberConfig),
  health: z.prefault(HealthConfig, {}),
  /** Unless said, a release counts as released once it is healthy and verified. */
  bake: z.optional(BakeConfig),
  /** "none": nothing is migrated here, as in a development environment whose service keeps its data in a file. */
  database: z.optional(z.union([z.literal("none"), DatabaseConfig])),
  /** The people who have to approve each image before it is deployed or promoted here. */
  approval: z.optional(ApprovalConfig),
  /** When nothing is deployed or promoted here. */
  freezes: z._default(z.array(FreezeWindow).check(z.maxLength(50)), []),
  /** What differs here from the service's `migration`. */
  migration: z.optional(
    z.strictObject({
      /** Whether a failed release may take its migration back here; the service's word unless said. */
      revert: z.optional(Revert),
    }),
  ),
  /** Stages that check this environment once the release serves there: tracks side by side. */
  verification: z._default(Groups, []),
  /** What the verification stages are told of the environment's limits; they judge, we pass on. */
  performance: z.optional(PerformanceConfig),
});

/** What is released: its images, its checks and where it runs. */
export const ServiceConfig = z.strictObject({
  /** The application's image. */
  image: z.strictObject({
    /** A push of a tag to this ECR repository opens a release. */
    repository: RepositoryName,
    /** Which image of an index is read and run; App Runner runs `"linux/amd64"` only. */
    platform: z._default(z.enum(["linux/amd64", "linux/arm64"]), "linux/amd64"),
  }),
  /** The image that migrates the database. Without it nothing is migrated. */
  migration: z.optional(
    z.strictObject({
      /** The ECR repository that holds, under the tag of the application's image, the migrations of the same commit. */
      repository: RepositoryName,
      /** Whether a failed release may take its migration back. */
      revert: z._default(Revert, "never"),
      /** How long a migration may take; then it is stopped and the database is asked where it stands. */
      timeoutMinutes: z._default(whole(1, 1440), 30),
    }),
  ),
  /** Where CodeBuild gets the commit that it checks. */
  source: z.strictObject({
    /** Who keeps the repository. */
    type: z._default(z.enum(["GITHUB", "GITLAB", "BITBUCKET", "CODECOMMIT"]), "GITHUB"),
    /** The address from which it is cloned. */
    location: z.url("use the repository's https URL"),
  }),
  /** Needed for a start by commit: without it, images come from elsewhere. */
  build: z.optional(BuildConfig),
  /** Every check there is, by name: those of `tracks` and those of a `verification`. */
  stages: z.record(Name, StageConfig),
  /** Tracks run side by side; the stages of a track one after another. Stages of a verification are not in them. */
  tracks: Groups,
  /** Where it runs, by name. */
  environments: z.record(Name, EnvironmentConfig),
  /** Waves come one after another; the environments of a wave side by side. One in no wave is released by name only. */
  waves: Groups.check(z.minLength(1)),
});

/** A config that was checked when it was written: its members, and not what they have to do with each other. */
export const RecordedConfig = z.strictObject({
  /** What is released, by name. */
  services: z.record(Name, ServiceConfig),
  aws: z.prefault(AccountConfig, {}),
});

/** Everything a team tells Spillway about its services: the shape of `spillway.config.ts`. */
export const Config = RecordedConfig.check(
  z.superRefine((config, context) => {
    for (const [name, service] of Object.entries(config.services)) checkService(name, service, context);
    checkMembers(config, context);
  }),
);

export type Config = z.output<typeof Config>;
export type ConfigInput = z.input<typeof Config>;
export type ServiceConfig = z.output<typeof ServiceConfig>;
export type EnvironmentConfig = z.output<typeof EnvironmentConfig>;
export type DatabaseConfig = z.output<typeof DatabaseConfig>;
export type HealthConfig = z.output<typeof HealthConfig>;
export type BakeConfig = z.output<typeof BakeConfig>;
export type ApprovalConfig = z.output<typeof ApprovalConfig>;
export type FreezeWindow = z.output<typeof FreezeWindow>;
export type BuildConfig = z.output<typeof BuildConfig>;
export type StageConfig = z.output<typeof StageConfig>;
export type PerformanceConfig = z.output<typeof PerformanceConfig>;

/** Gives `spillway.config.ts` its types. The config is checked by `parseConfig`, where the message can be shown. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

/**
 * Checks a config and fills in the defaults.
 * @param file what the message calls it.
 * @throws SpillwayError InvalidConfig, with one line per problem: the path, what is wrong and the remedy.
 */
export function parseConfig(input: unknown, file = "spillway.config.ts"): Config {
  const invalid = (problems: readonly Problem[]) => {
    const lines = problems.map(({ path, message }) => `  ${path || "(the whole file)"}: ${message}`);
    return new SpillwayError("InvalidConfig", `${file} is not valid:\n${lines.join("\n")}`);
  };
  const config = parse(Config, input, invalid);
  const wrong = freezeProblems(config);
  if (wrong.length > 0) throw invalid(wrong);
  return config;
}

/** Here and not in the shape, so that a function which reads a config brings no calendar along. */
function freezeProblems({ services }: Config): Problem[] {
  return Object.entries(services).flatMap(([service, { environments }]) =>
    Object.entries(environments).flatMap(([environment, { freezes }]) =>
      freezes.flatMap((window, index) => {
        const message = checkFreezeWindow(window);
        const path = `services.${service}.environments.${environment}.freezes.${index}`;
        return message === undefined ? [] : [{ path, message }];
      }),
    ),
  );
}

function checkService(name: string, service: ServiceConfig, context: z.core.$RefinementCtx): void {
  const report = (path: string, message: string) =>
    context.addIssue({ code: "custom", path: ["services", name, path], message });
  checkStages(service, report);
  checkCompute(service, report);
  checkListed(service.waves, Object.keys(service.environments), "environment", (text) =>
    report("waves", text),
  );
  if (service.migration === undefined) return;
  for (const [environment, { database }] of Object.entries(service.environments))
    if (database === undefined)
      report(
        "environments",
        `${environment} needs database.secret, because the service has a migration image; say database: "none" if nothing is migrated there`,
      );
}

/** No group names what is not declared, nor a name twice. */
export function checkListed(
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
}
