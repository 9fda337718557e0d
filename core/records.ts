import * as z from "zod/mini";
import { GrantedApproval } from "./approval.ts";
import { BakeState } from "./bake.ts";
import { RecordedConfig } from "./config.ts";
import { Drift } from "./drift.ts";
import { Freeze, FreezeOverride } from "./freeze.ts";
import { HealthState, Observation, Verdict } from "./health.ts";
import { Digest, PinnedImage } from "./image.ts";
import { Intent } from "./intent.ts";
import { Outcome, RollbackAction } from "./outcome.ts";

/** What environments need in the account where they run: names and ARNs, written when it was made. */
export const AccountResources = z.object({
  cluster: z.string(),
  subnets: z.array(z.string()),
  securityGroups: z.array(z.string()),
  /** Whether tasks get a public address: they need one where no NAT leads out of their subnets. */
  publicAddress: z.boolean(),
  migrationTaskRoleArn: z.string(),
  appRunnerAccessRoleArn: z.string(),
  /** By which the running services reach a private network; absent: they reach the internet only. */
  vpcConnectorArn: z.optional(z.string()),
  /** `service/environment` → its own roles, which keep the secrets of one environment from the others. */
  environmentRoles: z.record(
    z.string(),
    z.object({
      /** What the running service may do. */
      instance: z.string(),
      /** What ECS may do to start its migrations. */
      migrationExecution: z.string(),
    }),
  ),
  migrationLogGroup: z.string(),
  /** Secret name → ARN. */
  secrets: z.record(z.string(), z.string()),
});
export type AccountResources = z.infer<typeof AccountResources>;

/** How another account lets us act in it. */
export const Access = z.object({ roleArn: z.string(), externalId: z.string() });
export type Access = z.infer<typeof Access>;

/** Where the parts of an installation are: names and ARNs that functions need, written at provisioning. */
export const Resources = z.object({
  ...AccountResources.shape,
  /** What every physical name begins with. */
  prefix: z.string(),
  releaseMachineArn: z.string(),
  deployMachineArn: z.string(),
  /** `ACCOUNT.dkr.ecr.REGION.amazonaws.com`: where images are pushed to. */
  registry: z.string(),
  /** Account → what environments need there, and the way in. Absent: all run in the installation's own account. */
  members: z.optional(z.record(z.string(), z.object({ ...AccountResources.shape, access: Access }))),
});
export type Resources = z.infer<typeof Resources>;

/** The config as it is now; its service's part is copied into each release at admission. */
export const Installation = z.object({ config: RecordedConfig, resources: Resources });
export type Installation = z.infer<typeof Installation>;

/** Until when (milliseconds since the epoch) every push to a service's repository has been seen to. */
export const PushesSeen = z.object({ seenUntil: z.number() });

/** A push of which no release was opened, however often that was tried: what the image is, and why not. */
export const RefusedPush = z.object({
  service: z.string(),
  repository: z.string(),
  digest: Digest,
  tag: z.string(),
  /** Milliseconds since the epoch; `at` is when it was given up. */
  pushedAt: z.number(),
  at: z.number(),
  reason: z.string(),
});
export type RefusedPush = z.infer<typeof RefusedPush>;

/**
 * An event of another system that was to open a release. It did if the release is of that execution; told again, it
 * opens no other then.
 */
export const HeardEvent = z.object({
  /** EventBridge's id of it. */
  event: z.string(),
  release: z.string(),
  /** The execution that it started last. */
  executionArn: z.string(),
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** Of this record: whoever changes it names the one that he has read. */
  version: z.int(),
});
export type HeardEvent = z.infer<typeof HeardEvent>;

/** What is or was live in an environment. */
export const Revision = z.object({
  release: z.string(),
  image: PinnedImage,
  commit: z.optional(z.string()),
  sequence: z.number(),
  /** The schema revision the code was built against. */
  builtAgainst: z.optional(z.string()),
  /** The schema revision of the database when this went live; null: an empty database. */
  schema: z.optional(z.nullable(z.string())),
  /** Of the live revision only: every revision of the schema up to its own, and the oldest code that can read it. */
  schemaHistory: z.optional(z.array(z.string())),
  readableFrom: z.optional(z.string()),
  /** Of the live revision only, where its schema or what can read that is not known: the release whose migration may have changed it. */
  schemaLeftBy: z.optional(z.string()),
  /** Milliseconds since the epoch. */
  since: z.number(),
  /** Set when a person went back from it: it is passed over when "previous" is asked for. */
  goneBackFrom: z.optional(z.boolean()),
});
export type Revision = z.infer<typeof Revision>;

/** What CodeBuild made of the files that a build's `reports` section named. */
export const Report = z.object({
  name: z.string(),
  type: z.string(),
  arn: z.string(),
  status: z.string(),
  tests: z.optional(
    z.object({ total: z.number(), passed: z.number(), failed: z.number(), skipped: z.number() }),
  ),
  coverage: z.optional(
    z.object({ linePercent: z.optional(z.number()), branchPercent: z.optional(z.number()) }),
  ),
});
export type Report = z.infer<typeof Report>;

/** The result of one build of a stage, kept with the release, or with the deployment that it verified. */
export const Evidence = z.object({
  stage: z.string(),
  /** The key of the evidence: the stage, with its combination if it has a matrix. */
  build: z.string(),
  passed: z.boolean(),
  buildArn: z.string(),
  /** Milliseconds since the epoch. */
  startedAt: z.number(),
  endedAt: z.number(),
  cause: z.optional(z.string()),
  log: z.optional(z.object({ group: z.string(), stream: z.string() })),
  reports: z.optional(z.array(Report)),
  /** Where the build's artifacts are. */
  artifacts: z.optional(z.array(z.string())),
  /** The release for which the build ran, if it was another one of the same commit. */
  reusedFrom: z.optional(z.string()),
});
export type Evidence = z.infer<typeof Evidence>;

/** That something is not wanted any more. */
export const Cancellation = z.object({
  at: z.number(),
  /** Who asked: the ARN of a person, or of the execution that they started. */
  by: z.string(),
  reason: z.string(),
});
export type Cancellation = z.infer<typeof Cancellation>;

export const Release = z.object({
  id: z.string(),
  service: z.string(),
  attempt: z.int(),
  trigger: z.enum(["push", "console", "event"]),
  /** EventBridge's id of the event of another system that opened it. */
  event: z.optional(z.string()),
  executionArn: z.string(),
  /** Why a person wanted it. */
  why: z.optional(z.string()),
  /** Whether that person said that it be released although something speaks against it. */
  force: z.optional(z.boolean()),
  /** Where a person wanted it; absent: wherever the waves go. */
  environments: z.optional(z.array(z.string())),
  tag: z.optional(z.string()),
  /** Absent while a release by commit has none: it ends with the push that opens another. */
  image: z.optional(PinnedImage),
  migrationImage: z.optional(PinnedImage),
  schemaHistory: z.array(z.string()),
  readableFrom: z.optional(z.string()),
  commit: z.optional(z.string()),
  /** Who made the image, as its label says. */
  author: z.optional(z.string()),
  sequence: z.number(),
  builtAgainst: z.optional(z.string()),
  installation: Installation,
  evidence: z.record(z.string(), Evidence),
  /** What a release by commit pushed, and the release that this push opens. */
  built: z.optional(z.object({ tag: z.string(), digest: Digest, release: z.string() })),
  cancelled: z.optional(Cancellation),
  openedAt: z.number(),
  endedAt: z.optional(z.number()),
  outcome: z.optional(Outcome),
  reason: z.optional(z.string()),
});
export type Release = z.infer<typeof Release>;

/**
 * What was found of a commit before its image was there, and what a person wanted of it: the release that the
 * image's push opens takes it over.
 */
export const CommitEvidence = z.object({
  service: z.string(),
  commit: z.string(),
  /** The release by commit that found it. */
  release: z.string(),
  recordedAt: z.number(),
  why: z.optional(z.string()),
  environments: z.optional(z.array(z.string())),
  /** Build → what it found, under which config of its stage. */
  builds: z.record(z.string(), z.object({ evidence: Evidence, fingerprint: z.string() })),
});
export type CommitEvidence = z.infer<typeof CommitEvidence>;

/** Which deployment: the nth try to bring a release to an environment. */
export const DeploymentName = z.object({ release: z.string(), environment: z.string(), attempt: z.int() });
export type DeploymentName = z.infer<typeof DeploymentName>;

/** A lease that ended, and why. */
export const FreedLease = z.object({
  owner: z.string(),
  release: z.string(),
  fence: z.int(),
  at: z.number(),
  reason: z.string(),
});
export type FreedLease = z.infer<typeof FreedLease>;

/** One release into one environment, with what was really done, in the order it was begun. */
export const Deployment = z.object({
  ...DeploymentName.shape,
  service: z.string(),
  executionArn: z.string(),
  intent: Intent,
  /** The execution that started this one; absent when a person did. */
  startedBy: z.optional(z.string()),
  /** Why a person wanted it. */
  why: z.optional(z.string()),
  /** Whether that person said that it be done although something speaks against it. */
  force: z.optional(z.boolean()),
  /** Of a deployment that a person began; those of a release are cancelled with it. */
  cancelled: z.optional(Cancellation),
  /** The people's word with which it went on, where the environment demands one. */
  approval: z.optional(GrantedApproval),
  /** When its environment is frozen in the days in which it may wait for its turn. */
  freezes: z.optional(z.array(Freeze)),
  /**
   * With intent recover: the deployments that were broken off and are closed with this one. `endedAs`: how their
   * executions did, ABORTED, FAILED or TIMED_OUT; absent if it was redriven since.
   */
  recovers: z.optional(z.array(z.extend(DeploymentName, { endedAs: z.optional(z.string()) }))),
  /** The number of its lease; absent while it waits for one, and then it has touched nothing. */
  fence: z.optional(z.int()),
  /** Whose lease it took over, and why that was not kept; absent: the lease was free. */
  tookOver: z.optional(FreedLease),
  openedAt: z.number(),
  /** What was live when it took the lease. */
  previous: z.optional(Revision),
  /** One look at the service before anything was changed: whether it was well already says who made it ill. */
  healthBefore: z.optional(Observation),
  /** In what the target was otherwise than on record before anything was changed, in words. */
  foundOtherwise: z.optional(z.array(z.string())),
  /** The database as it answered before anything was moved: the schema revision, null for an empty database. */
  databaseBefore: z.optional(z.object({ at: z.number(), schema: z.nullable(z.string()) })),
  migration: z.optional(
    z.object({
      begunAt: z.number(),
      /** Of a recovery, which migrates nothing itself: the release whose migration image may have. */
      by: z.optional(z.string()),
      /** The schema before and after, as far as the migration or its status told. */
      before: z.optional(z.nullable(z.string())),
      after: z.optional(z.nullable(z.string())),
      confirmed: z.boolean(),
      /** Not run, because the schema was at the image's head already. */
      skipped: z.optional(z.boolean()),
      /** Taken back, or begun to be, after the deployment failed. */
      revert: z.optional(z.enum(["begun", "done"])),
    }),
  ),
  /** Written before the target is told anything, so that a rollback never overlooks a change. */
  switched: z.optional(z.object({ begunAt: z.number(), operation: z.optional(z.string()) })),
  rollback: z.optional(z.object({ action: RollbackAction, at: z.number() })),
  /** What the stages found that verified the environment, by build. */
  verification: z._default(z.record(z.string(), Evidence), {}),
  /** The verdicts, with the looks that led to them. */
  health: z.optional(
    z.array(
      z.object({
        /** After the release was deployed, or after its predecessor was brought back. */
        phase: z.enum(["deployed", "restored"]),
        verdict: Verdict,
        state: HealthState,
      }),
    ),
  ),
  /** What was seen of it while it was watched, and what that says. */
  bake: z.optional(z.object({ verdict: Verdict, why: z.string(), state: BakeState })),
  endedAt: z.optional(z.number()),
  outcome: z.optional(Outcome),
  reason: z.optional(z.string()),
});
export type Deployment = z.infer<typeof Deployment>;

/** The lock of an environment. The fence numbers every owner and guards our own records. */
export const Lease = z.object({
  owner: z.string(),
  release: z.string(),
  fence: z.int(),
  reason: z.string(),
  since: z.number(),
  /** Whether its owner has recorded what is live after it went back; what it noted before comes too late then. */
  wentBack: z.optional(z.boolean()),
});
export type Lease = z.infer<typeof Lease>;

/**
 * Since a release was taken back or could not be judged, an environment takes no automatic deployment that is not
 * newer than it.
 */
export const Hold = z.object({
  /** Completes "held since then, when …". */
  reason: z.string(),
  since: z.number(),
  release: z.string(),
  /** The order that a push must exceed. */
  sequence: z.number(),
});
export type Hold = z.infer<typeof Hold>;

/** A digest that was found unhealthy and rolled back: it is not deployed again without a person's word. */
export const Quarantine = z.object({
  service: z.string(),
  digest: Digest,
  release: z.string(),
  environment: z.string(),
  verdict: z.literal("unhealthy"),
  reason: z.string(),
  since: z.number(),
  /** Set when a person lifted it. */
  lifted: z.optional(z.object({ at: z.number(), by: z.string(), reason: z.string() })),
});
export type Quarantine = z.infer<typeof Quarantine>;

export const EnvironmentRecord = z.object({
  service: z.string(),
  environment: z.string(),
  /** The last fence given out; 0 before the first. */
  fence: z._default(z.int(), 0),
  lease: z.optional(Lease),
  /** The deployment that takes the next turn; there is one place in line. */
  next: z.optional(
    z.object({
      execution: z.string(),
      release: z.string(),
      attempt: z.int(),
      /** By which the newest is known: the order of its build, then when the deployment was opened. */
      sequence: z.number(),
      openedAt: z.number(),
      /** Since when it is the next. */
      since: z.number(),
      /** For what it waits, in words. */
      why: z.optional(z.string()),
    }),
  ),
  /** A rollback or a recovery that waits for the lease: no turn is given before it has it. */
  ahead: z.optional(
    z.object({
      execution: z.string(),
      release: z.string(),
      attempt: z.int(),
      reason: z.string(),
      since: z.number(),
    }),
  ),
  /** Why the last lease ended. */
  freed: z.optional(FreedLease),
  /** The deployment that took the last lease. */
  current: z.optional(z.object({ release: z.string(), attempt: z.int() })),
  live: z.optional(Revision),
  /** What was live before, newest first, at most 20. */
  history: z.optional(z.array(Revision)),
  /** Set by a person: nothing is deployed or promoted until a person lifts it; rollbacks and recoveries go on. */
  stopped: z.optional(z.object({ reason: z.string(), by: z.string(), since: z.number() })),
  /** The last release that a person let go in spite of a freeze window. */
  freezeOverride: z.optional(FreezeOverride),
  /** Set by a NeedsAttention: nothing is deployed until a person lifts it. */
  frozen: z.optional(z.object({ reason: z.string(), since: z.number(), release: z.string() })),
  hold: z.optional(Hold),
  /** What was changed there without us, as it was last seen. */
  drift: z.optional(Drift),
  /** What is wrong with images that it runs or would go back to, as it was last seen, in words. */
  images: z.optional(z.array(z.string())),
  /** Migration tasks that go on there although nobody waits for them, as they were last seen, in words. */
  tasks: z.optional(z.array(z.string())),
});
export type EnvironmentRecord = z.infer<typeof EnvironmentRecord>;
