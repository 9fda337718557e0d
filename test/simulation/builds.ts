import { type Clock, sleep } from "../../local/asl/index.ts";
import type { BuildJob, BuildRunner } from "../../local/codebuild/runner.ts";
import type { Behaviours } from "./behaviour.ts";
import type { Seams } from "./seams.ts";

/** The builds of a simulated CodeBuild, and the variables that the last one of each name was given. */
export interface SimulatedBuilds extends BuildRunner {
  readonly told: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** What a build does beside taking its time, by the right of its role. */
export interface BuildDeeds {
  /** Pushes the images of a commit, as a build of them does in the end. */
  push(commit: string, job: BuildJob): Promise<void>;
  pull(image: string, job: BuildJob): Promise<void>;
  /** @throws AwsError if its role may not. */
  keepArtifacts(job: BuildJob): void;
}

export function createBuilds(
  clock: Clock,
  behaviours: Behaviours,
  does: BuildDeeds,
  effect?: Seams["effect"],
): SimulatedBuilds {
  const told = new Map<string, Readonly<Record<string, string>>>();
  const faults = new Map<string, number>();
  const failures = new Map<string, number>();
  return {
    told,
    async run(job, progress, signal) {
      const { variables } = job;
      const {
        SPILLWAY_IMAGE: image,
        SPILLWAY_MIGRATION_IMAGE: migrationImage,
        SPILLWAY_COMMIT: commit = "",
        SPILLWAY_STAGE: stage = "",
        SPILLWAY_BUILD: build = "",
      } = variables;
      const { stages = {} } =
        (image === undefined ? behaviours.ofCommit(commit) : behaviours.ofImage(image)?.behaviour) ?? {};
      const behaviour = stages[build] ?? stages[stage] ?? {};
      const { seconds = 10, prints = [], reports = [], artifacts = [] } = behaviour;
      told.set(build, variables);
      const key = `${build} ${image ?? commit}`;
      const nth = (faults.get(key) ?? 0) + 1;
      if (nth <= (behaviour.faults ?? 0)) {
        faults.set(key, nth);
        throw new Error("CodeBuild is experiencing issues");
      }
      const failed = failures.get(key) ?? 0;
      const fails = failed < (behaviour.failures ?? 0);
      if (fails) failures.set(key, failed + 1);
      const passes = !fails && behaviour.passes !== false;
      effect?.({ kind: "build", phase: "begun", variables });
      progress.enter("BUILD");
      if (behaviour.pulls === true)
        for (const needed of [image, migrationImage]) if (needed !== undefined) await does.pull(needed, job);
      for (const line of prints) progress.line(line);
      const stopped = await sleep(clock, seconds * 1000, signal).then(
        () => false,
        () => true,
      );
      if (!stopped && !passes) {
        const message = `Error while executing command: run ${stage}. Reason: exit status 1`;
        progress.fail({ statusCode: "COMMAND_EXECUTION_ERROR", message });
        progress.enter("POST_BUILD");
        progress.line("a later phase speaks too");
      }
      if (!stopped && passes && stage === "build-image") await does.push(commit, job);
      if (artifacts.length > 0) does.keepArtifacts(job);
      const status = stopped ? "STOPPED" : passes ? "SUCCEEDED" : "FAILED";
      effect?.({ kind: "build", phase: "ended", variables, status });
      return {
        status,
        exportedVariables: [],
        reports,
        artifacts,
      };
    },
  };
}
