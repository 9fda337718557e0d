import { stripVTControlCharacters } from "node:util";
import type { BuildPhaseType, StatusType } from "@aws-sdk/client-codebuild";
import { LONGEST_LINE } from "../lines.ts";
import type { World } from "../world.ts";
import { type BuildRecord, jobOf, type MadeBuild } from "./build.ts";
import { buildPhaseChange, buildStateChange } from "./events.ts";
import type { BuildReport } from "./reports/store.ts";
import type { BuildOutcome, BuildProgress, BuildRunner, PhaseFailure } from "./runner.ts";
import { createMaskedLines, type SecretMask } from "./secret-mask.ts";

/** Why a build is ended before its own end. */
export type EarlyEnd = Extract<StatusType, "STOPPED" | "TIMED_OUT">;

type Resolve = () => Promise<Readonly<Record<string, string>>>;

/**
 * A build's whole life, from SUBMITTED to COMPLETED: each phase in its turn, each change told as an event.
 * `stop` ends it; its abort reason is the status that it ends with. Never rejects.
 */
export async function liveThrough(
  world: World,
  made: MadeBuild,
  deps: {
    readonly runner: BuildRunner;
    readonly mask: SecretMask;
    /** Keeps a report. @returns its ARN; undefined if its report group does not exist. */
    readonly addReport: (report: BuildReport) => string | undefined;
    /** Resolves the values of the build's variables. */
    readonly variables: Resolve;
    /** Keeps a line of its log, secrets hidden. */
    readonly line: (text: string) => void;
    /** Told after each change of the build, before anybody else is. */
    readonly onChange: () => void;
    /** Ends the build early; the reason of its abort is an EarlyEnd. */
    readonly stop: AbortController;
  },
): Promise<void> {
  const { clock } = world;
  const { runner, stop, line, mask, onChange } = deps;
  const build = made.record;
  const printed = createMaskedLines(mask, line);
  const note = (text: string) => {
    printed.flush();
    line(`[Container] ${containerTime(clock.now())} ${mask.apply(printable(text))}`);
  };
  const phases = createPhases(world, build, note, onChange);
  const expireAfter = (minutes: number) => clock.after(minutes * 60_000, () => stop.abort("TIMED_OUT"));

  world.emit(buildStateChange(build));
  phases.enter("SUBMITTED");
  await Promise.resolve();
  phases.enter("QUEUED");
  let cancelTimeout = expireAfter(build.queuedTimeoutInMinutes);
  try {
    await runner.waitForRoom?.(jobOf(made, {}, mask), stop.signal);
    stop.signal.throwIfAborted();
    cancelTimeout();
    cancelTimeout = expireAfter(build.timeoutInMinutes);
    phases.enter("PROVISIONING");
    const outcome = await runBuild();
    finish(stop.signal.aborted ? endOf(stop.signal) : outcome.status, outcome);
  } catch (error) {
    if (stop.signal.aborted) finish(endOf(stop.signal));
    else fault(error);
  } finally {
    cancelTimeout();
  }

  async function runBuild(): Promise<BuildOutcome> {
    const variables = await deps.variables().catch((error: unknown) => {
      phases.enter("DOWNLOAD_SOURCE");
      phases.close("FAILED", { statusCode: "CLIENT_ERROR", message: messageOf(error) });
    });
    if (variables === undefined) return { status: "FAILED", exportedVariables: [] };
    const progress: BuildProgress = {
      line: (text) => printed.write(printable(text), text.length === LONGEST_LINE),
      note,
      enter(phase) {
        phases.enter(phase);
        note(`Entering phase ${phase}`);
      },
      fail: ({ statusCode, message }) =>
        phases.close("FAILED", { statusCode, message: mask.apply(printable(message)) }),
      resolved(sourceVersion) {
        build.resolvedSourceVersion = sourceVersion;
      },
    };
    stop.signal.throwIfAborted();
    return runner.run(jobOf(made, variables, mask), progress, stop.signal);
  }

  function finish(status: StatusType, outcome?: BuildOutcome): void {
    if (status === "STOPPED" || status === "TIMED_OUT") phases.close(status);
    // A runner that does not tell its phases still has one: the build itself.
    if (status === "FAILED" && !phases.hasFailed) {
      if (phases.current === "PROVISIONING") phases.enter("BUILD");
      phases.close("FAILED", { statusCode: "COMMAND_EXECUTION_ERROR", message: "The build failed." });
    }
    if (status === "SUCCEEDED" || status === "FAILED") phases.enter("FINALIZING");
    if (outcome !== undefined) {
      build.exportedEnvironmentVariables = outcome.exportedVariables.map(({ name, value }) => ({
        name,
        value: mask.apply(value),
      }));
      build.reportArns = (outcome.reports ?? []).flatMap(keepReport);
      const kept = outcome.artifacts ?? [];
      const primary = kept.find(({ identifier }) => identifier === undefined);
      build.artifacts = { location: primary?.location ?? "" };
      build.secondaryArtifacts = kept.flatMap(({ identifier, location }) =>
        identifier === undefined ? [] : { artifactIdentifier: identifier, location },
      );
    }
    phases.complete(status);
    world.emit(buildStateChange(build));
  }

  function keepReport(report: BuildReport): string[] {
    const reportArn = deps.addReport(report);
    if (reportArn !== undefined) return [reportArn];
    note(`There is no report group ${report.group}; the report is not kept`);
    return [];
  }

  /** The runner's own fault, not the build's word. */
  function fault(error: unknown): void {
    phases.close("FAULT", { statusCode: "INTERNAL_SERVICE_ERROR", message: messageOf(error) });
    finish("FAULT");
  }
}

/** Ends a build whose processes are gone, because the local AWS was ended under it: CodeBuild calls that a FAULT. */
export function endLostBuild(
  world: World,
  build: BuildRecord,
  deps: { readonly line: (text: string) => void; readonly onChange: () => void },
): void {
  const note = (text: string) => deps.line(`[Container] ${containerTime(world.clock.now())} ${text}`);
  const phases = createPhases(world, build, note, deps.onChange);
  const message = "The local AWS was ended while the build ran, and the build with it.";
  phases.close("FAULT", { statusCode: "INTERNAL_SERVICE_ERROR", message });
  phases.complete("FAULT");
  world.emit(buildStateChange(build));
}

/**
 * A text without colours and control characters, before it is kept: logs and causes are shown in terminals, which
 * what a build prints must not steer. Lines and tabs stay.
 */
function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[\p{Cc}--[\t\n]]/gv, "");
}

function endOf({ reason }: AbortSignal): EarlyEnd {
  return reason === "TIMED_OUT" ? "TIMED_OUT" : "STOPPED";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** AWS gives these phases no context at all, and the others an empty one. */
const WITHOUT_CONTEXT: readonly BuildPhaseType[] = ["SUBMITTED", "QUEUED"];

const BEFORE_CONTAINER: readonly BuildPhaseType[] = ["SUBMITTED", "QUEUED", "PROVISIONING"];

/** "2017/09/01 16:12:29.000000", as in CodeBuild's logs. */
function containerTime(now: number): string {
  return new Date(now).toISOString().replaceAll("-", "/").replace("T", " ").replace("Z", "000");
}

/** Writes a build's phases: at most one is open, and each that ends is told. */
function createPhases(world: World, build: BuildRecord, note: (text: string) => void, onChange: () => void) {
  const open = () => build.phases.find(({ endTime }) => endTime === undefined);
  let hasFailed = false;

  const close = (phaseStatus: StatusType, context?: PhaseFailure) => {
    const phase = open();
    if (phase?.phaseType === undefined || phase.startTime === undefined) return;
    const endTime = new Date(world.clock.now());
    const empty = WITHOUT_CONTEXT.includes(phase.phaseType) ? [] : [{ statusCode: "", message: "" }];
    Object.assign(phase, {
      phaseStatus,
      endTime,
      durationInSeconds: Math.floor((endTime.getTime() - phase.startTime.getTime()) / 1000),
      contexts: context === undefined ? empty : [context],
    });
    hasFailed ||= phaseStatus !== "SUCCEEDED";
    onChange();
    world.emit(buildPhaseChange(build, phase));
    // What comes before the container is there is not in its log.
    if (!BEFORE_CONTAINER.includes(phase.phaseType)) {
      note(`Phase complete: ${phase.phaseType} State: ${phaseStatus}`);
      note(`Phase context status code: ${context?.statusCode ?? ""} Message: ${context?.message ?? ""}`);
    }
  };

  const enter = (phaseType: BuildPhaseType) => {
    close("SUCCEEDED");
    build.currentPhase = phaseType;
    build.phases.push({ phaseType, startTime: new Date(world.clock.now()) });
    onChange();
  };

  return {
    enter,
    close,
    get hasFailed() {
      return hasFailed;
    },
    get current() {
      return build.currentPhase;
    },
    complete(status: StatusType) {
      close("SUCCEEDED");
      const endTime = new Date(world.clock.now());
      build.phases.push({ phaseType: "COMPLETED", startTime: endTime });
      Object.assign(build, {
        buildStatus: status,
        buildComplete: true,
        currentPhase: "COMPLETED",
        endTime,
      });
      onChange();
    },
  };
}
