import type { PhaseName } from "./buildspec.ts";

/** A build to be run: what CodeBuild made of the project and the overrides. */
export interface BuildJob {
  /** `PROJECT:uuid` */
  readonly id: string;
  readonly arn: string;
  readonly project: string;
  readonly source: {
    readonly type: string;
    readonly location: string | undefined;
    readonly version: string | undefined;
  };
  /** A path in the source, or the buildspec itself. */
  readonly buildspec: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** What a runner tells while it works. */
export interface BuildProgress {
  line(text: string): void;
  phase(phase: PhaseOutcome): void;
}

export interface PhaseOutcome {
  readonly phase: Uppercase<PhaseName> | "DOWNLOAD_SOURCE" | "UPLOAD_ARTIFACTS";
  readonly status: "SUCCEEDED" | "FAILED" | "STOPPED";
  readonly startedAt: number;
  readonly endedAt: number;
  readonly context?: { readonly statusCode: string; readonly message: string };
}

export interface BuildOutcome {
  readonly status: "SUCCEEDED" | "FAILED" | "STOPPED";
  readonly resolvedSourceVersion?: string;
  readonly exportedVariables: readonly { readonly name: string; readonly value: string }[];
}

/** What runs builds: a shell really, a table of outcomes in a simulation. Rejects only for a fault of its own. */
export interface BuildRunner {
  run(job: BuildJob, progress: BuildProgress, signal: AbortSignal): Promise<BuildOutcome>;
}
