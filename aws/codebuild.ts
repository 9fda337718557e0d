import {
  BatchGetBuildsCommand,
  type Build,
  CodeBuildClient,
  type EnvironmentVariable,
  ListBuildsForProjectCommand,
  StartBuildCommand,
  StopBuildCommand,
} from "@aws-sdk/client-codebuild";
import { SpillwayError } from "../core/errors.ts";
import type { WaitResult } from "../core/wait.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";
import { idempotencyToken } from "./idempotency.ts";

export type Builds = ReturnType<typeof connectBuilds>;

/** The variable by which a build tells which work it is; a retry finds its own build by it. */
export const workVariable = "SPILLWAY_WORK";

/** CodeBuild, as the stages use it. */
export function connectBuilds({ client }: Connection) {
  const codebuild = new CodeBuildClient(client);

  async function describe(arn: string): Promise<Build> {
    const { builds } = await call("look at a build", () =>
      codebuild.send(new BatchGetBuildsCommand({ ids: [buildId(arn)] })),
    );
    const [build] = builds ?? [];
    if (build === undefined) throw new SpillwayError("AwsFault", `CodeBuild does not know the build ${arn}.`);
    return build;
  }

  return {
    /** Starts a build. @returns its ARN. @throws Throttled while the account's limit of concurrent builds is reached. */
    async start(input: {
      project: string;
      commit: string | undefined;
      work: string;
      variables: Readonly<Record<string, string>>;
      /** Variable → reference of a secret, which CodeBuild resolves. */
      secrets: Readonly<Record<string, string>>;
    }): Promise<string> {
      const given = [
        ...asVariables("SECRETS_MANAGER", input.secrets),
        ...asVariables("PLAINTEXT", { ...input.variables, [workVariable]: input.work }),
      ];
      const { build } = await call(`start a build of ${input.project}`, () =>
        codebuild.send(
          new StartBuildCommand({
            projectName: input.project,
            ...(input.commit === undefined ? {} : { sourceVersion: input.commit }),
            idempotencyToken: idempotencyToken(input.work),
            environmentVariablesOverride: given,
          }),
        ),
      );
      if (build?.arn === undefined)
        throw new SpillwayError("AwsFault", "CodeBuild started a build without an ARN.");
      return build.arn;
    },

    /** A build of `project` that was started for `work`, if there is one among the newest hundred. */
    async find(project: string, work: string): Promise<string | undefined> {
      const { ids } = await call(`list the builds of ${project}`, () =>
        codebuild.send(new ListBuildsForProjectCommand({ projectName: project, sortOrder: "DESCENDING" })),
      );
      if (ids === undefined || ids.length === 0) return undefined;
      const { builds } = await call("look at builds", () =>
        codebuild.send(new BatchGetBuildsCommand({ ids: ids.slice(0, 100) })),
      );
      const isOurs = (build: Build) =>
        build.environment?.environmentVariables?.some(
          ({ name, value }) => name === workVariable && value === work,
        ) === true;
      return builds?.find(isOurs)?.arn;
    },

    /** How the build ended; undefined while it runs. */
    async look(arn: string): Promise<{ result: WaitResult; startedAt: number; endedAt: number } | undefined> {
      const build = await describe(arn);
      if (build.buildComplete !== true) return undefined;
      return {
        result: judgeBuild(build),
        startedAt: build.startTime?.getTime() ?? 0,
        endedAt: build.endTime?.getTime() ?? 0,
      };
    },

    /** Stops a build; one that has ended stays as it is. */
    async stop(arn: string): Promise<void> {
      await call("stop a build", () => codebuild.send(new StopBuildCommand({ id: buildId(arn) })));
    },
  };
}

function asVariables(
  type: "PLAINTEXT" | "SECRETS_MANAGER",
  values: Readonly<Record<string, string>>,
): EnvironmentVariable[] {
  return Object.entries(values).map(([name, value]) => ({ name, value, type }));
}

function judgeBuild(build: Build): WaitResult {
  const { buildStatus: status } = build;
  if (status === "SUCCEEDED") return { end: "succeeded", output: { status } };
  const failed = build.phases?.find(
    ({ phaseStatus }) => phaseStatus !== undefined && phaseStatus !== "SUCCEEDED",
  );
  const context = failed?.contexts?.map(({ message }) => message).join("; ");
  const place = failed === undefined ? "" : ` in ${failed.phaseType}: ${context ?? ""}`;
  const log =
    build.logs?.streamName === undefined
      ? ""
      : `. Log: aws logs get-log-events --log-group-name ${build.logs.groupName} --log-stream-name ${build.logs.streamName}`;
  return {
    end: "failed",
    // FAULT is CodeBuild's own failure: another try may pass. The other ends are the stage's word.
    error: status === "FAULT" ? "StageFaulted" : "StageFailed",
    cause: `build ${build.id} ${status}${place}${log}`,
  };
}

/** `arn:aws:codebuild:…:build/project:uuid` → `project:uuid`. */
function buildId(arn: string): string {
  return arn.slice(arn.indexOf(":build/") + ":build/".length);
}
