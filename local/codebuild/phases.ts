import { readFile } from "node:fs/promises";
import { type BuildPhase, type Buildspec, type PhaseName, phaseNames } from "./buildspec.ts";
import type { BuildProgress } from "./runner.ts";
import { quote, type ShellSession } from "./shell-session.ts";

/** How the phases of a buildspec went. */
export interface PhasesOutcome {
  readonly failed: boolean;
  /** Whether BUILD was begun: only then is there something to upload. */
  readonly reachedBuild: boolean;
  readonly exportedVariables: readonly { readonly name: string; readonly value: string }[];
}

const PHASES = {
  install: "INSTALL",
  pre_build: "PRE_BUILD",
  build: "BUILD",
  post_build: "POST_BUILD",
} as const;

/**
 * Runs a buildspec's phases in one shell. As in CodeBuild, a failed command ends its phase but for `finally`;
 * POST_BUILD comes after BUILD also when that failed; a failed INSTALL or PRE_BUILD ends the build. A phase that
 * says CONTINUE is followed by the next one, and the build still counts as failed.
 */
export async function runPhases(
  spec: Buildspec,
  session: ShellSession,
  progress: BuildProgress,
  options: { readonly exportsFile: string; readonly signal: AbortSignal },
): Promise<PhasesOutcome> {
  const { signal } = options;
  let failed = false;
  let reachedBuild = false;
  for (const name of phaseNames) {
    if (signal.aborted) break;
    progress.enter(PHASES[name]);
    reachedBuild ||= name === "build";
    const phase = spec.phases[name];
    if (phase === undefined) continue;
    const failure = await runPhase(phase, session, progress, signal);
    if (failure === undefined || signal.aborted) continue;
    failed = true;
    progress.fail({
      statusCode: "COMMAND_EXECUTION_ERROR",
      message: `Error while executing command: ${failure.command}. Reason: exit status ${failure.status}`,
    });
    await session.run("export CODEBUILD_BUILD_SUCCEEDING=0");
    if (!goesOn(name, phase)) break;
  }
  const exportedVariables = signal.aborted ? [] : await readExports(spec, session, options.exportsFile);
  return { failed, reachedBuild, exportedVariables };
}

function goesOn(name: PhaseName, { onFailure }: BuildPhase): boolean {
  return onFailure === undefined ? name === "build" : onFailure === "CONTINUE";
}

interface Failure {
  readonly command: string;
  readonly status: number;
}

async function runPhase(
  phase: BuildPhase,
  session: ShellSession,
  progress: BuildProgress,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const runUntilFailure = async (commands: readonly string[]): Promise<Failure | undefined> => {
    for (const command of commands) {
      if (signal.aborted) return undefined;
      progress.note(`Running command ${command}`);
      const status = await session.run(command);
      if (signal.aborted || status === 0) continue;
      progress.note(`Command did not exit successfully ${command} exit status ${status}`);
      return { command, status };
    }
    return undefined;
  };
  const failure = await runUntilFailure(phase.commands);
  const late = await runUntilFailure(phase.finally);
  return failure ?? late;
}

async function readExports(
  { exportedVariables }: Buildspec,
  session: ShellSession,
  file: string,
): Promise<{ name: string; value: string }[]> {
  if (exportedVariables.length === 0) return [];
  const values = exportedVariables.map((name) => `"\${${name}-}"`).join(" ");
  await session.run(`printf '%s\\0' ${values} > ${quote(file)}`);
  const texts = (await readFile(file, "utf8").catch(() => "")).split("\0");
  return exportedVariables.map((name, index) => ({ name, value: texts[index] ?? "" }));
}
