import type { BuildPhaseType } from "@aws-sdk/client-codebuild";
import type { RoleSession } from "../iam/index.ts";
import type { ArtifactTarget, KeptArtifacts } from "./artifacts.ts";
import type { BuildReport } from "./reports/store.ts";
import type { SecretMask } from "./secret-mask.ts";

/** A build to be run: what CodeBuild made of the project and the overrides. */
export interface BuildJob {
  /** `PROJECT:uuid` */
  readonly id: string;
  readonly arn: string;
  readonly project: string;
  readonly buildNumber: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly image: string | undefined;
  readonly source: {
    readonly type: string;
    readonly location: string | undefined;
    /** A commit, branch or tag; undefined for the newest commit. */
    readonly version: string | undefined;
  };
  /** A path in the source, or the buildspec itself. */
  readonly buildspec: string;
  /** The project's and the start's variables, those of secrets resolved. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where its artifacts go; none for a project without. */
  readonly artifacts: readonly ArtifactTarget[];
  readonly cache: {
    /** Whether `cache.paths` of the buildspec are kept. */
    readonly paths: boolean;
    /** Whether layers of images are. */
    readonly dockerLayers: boolean;
  };
  /** Its service role, by which it reads secrets and calls AWS. */
  readonly as: RoleSession;
  /** Knows the secrets among the variables; the runner adds those that it resolves. */
  readonly mask: SecretMask;
}

/** The phases that a runner goes through; the ones around them are CodeBuild's own. */
export type RunnerPhase = Extract<
  BuildPhaseType,
  "DOWNLOAD_SOURCE" | "INSTALL" | "PRE_BUILD" | "BUILD" | "POST_BUILD" | "UPLOAD_ARTIFACTS" | "FINALIZING"
>;

/** Why a phase failed, as a build's record says it. */
export interface PhaseFailure {
  readonly statusCode: string;
  readonly message: string;
}

/** What a runner tells while it works. */
export interface BuildProgress {
  /** A line that the build's commands printed. */
  line(text: string): void;
  /** A line of CodeBuild itself. */
  note(text: string): void;
  /** A phase begins; the one before it, if still open, has succeeded. */
  enter(phase: RunnerPhase): void;
  /** The open phase has failed, and why. */
  fail(context: PhaseFailure): void;
  /** The source was fetched: the full commit. */
  resolved(sourceVersion: string): void;
}

/** How a build ended. */
export interface BuildOutcome {
  readonly status: "SUCCEEDED" | "FAILED" | "STOPPED";
  readonly exportedVariables: readonly { readonly name: string; readonly value: string }[];
  readonly reports?: readonly BuildReport[];
  readonly artifacts?: readonly KeptArtifacts[];
}

/** What runs builds: a shell really, a table of outcomes in a simulation. */
export interface BuildRunner {
  /**
   * Runs a build to its end. When `signal` is aborted it ends everything it started and settles, either way.
   * Rejects only for a fault of its own; the build's status is then FAULT.
   */
  run(job: BuildJob, progress: BuildProgress, signal: AbortSignal): Promise<BuildOutcome>;
  /** Awaited while the build is queued, if given: resolves when there is room for it. */
  waitForRoom?(job: BuildJob, signal: AbortSignal): Promise<void>;
}
