import * as codebuild from "@aws-sdk/client-codebuild";
import type { LogSink } from "../logs.ts";
import { AwsError, type Operation, type Service } from "../service.ts";
import { arn, uuid, type World } from "../world.ts";
import { buildStateChange } from "./events.ts";
import type { BuildRunner, PhaseOutcome } from "./runner.ts";

interface RunningBuild {
  readonly build: codebuild.Build & { phases: codebuild.BuildPhase[] };
  readonly request: string;
  readonly token: string | undefined;
  readonly stop: AbortController;
  ended: Promise<void>;
}

const tokenMilliseconds = 5 * 60_000;

/** CodeBuild: projects, and builds that really run. */
export function createCodeBuild(
  world: World,
  deps: {
    readonly runner: BuildRunner;
    readonly logs: LogSink;
    readonly resolveSecret: (reference: string) => string;
    readonly concurrentBuilds?: number;
  },
): Service & { stop(): Promise<void> } {
  const { clock } = world;
  const projects = new Map<string, codebuild.Project>();
  const builds = new Map<string, RunningBuild>();
  let number = 0;

  const projectNamed = (name = ""): codebuild.Project => {
    const found = projects.get(name.split("/").at(-1) ?? "");
    if (found !== undefined) return found;
    throw new AwsError(
      "ResourceNotFoundException",
      `Project cannot be found: ${arn(world, "codebuild", `project/${name}`)}`,
    );
  };

  const CreateProject: Operation<
    codebuild.CreateProjectCommandInput,
    codebuild.CreateProjectCommandOutput
  > = (input) => {
    const name = input.name ?? "";
    if (!/^[A-Za-z0-9][A-Za-z0-9\-_]{1,149}$/.test(name))
      throw new AwsError("InvalidInputException", `Invalid project name: ${name.slice(0, 80)}`);
    if (projects.has(name))
      throw new AwsError(
        "ResourceAlreadyExistsException",
        `Project already exists: ${arn(world, "codebuild", `project/${name}`)}`,
      );
    const project: codebuild.Project = {
      ...input,
      name,
      arn: arn(world, "codebuild", `project/${name}`),
      created: new Date(clock.now()),
      lastModified: new Date(clock.now()),
    };
    projects.set(name, project);
    return { project };
  };

  const BatchGetProjects: Operation<
    codebuild.BatchGetProjectsCommandInput,
    codebuild.BatchGetProjectsCommandOutput
  > = (input) => ({
    projects: (input.names ?? []).flatMap((name) => projects.get(name) ?? []),
    projectsNotFound: (input.names ?? []).filter((name) => !projects.has(name)),
  });

  const ListProjects: Operation<
    codebuild.ListProjectsCommandInput,
    codebuild.ListProjectsCommandOutput
  > = () => ({ projects: [...projects.keys()].toSorted() });

  const StartBuild: Operation<codebuild.StartBuildCommandInput, codebuild.StartBuildCommandOutput> = (
    input,
  ) => {
    const project = projectNamed(input.projectName);
    const request = JSON.stringify(input);
    const same =
      input.idempotencyToken === undefined
        ? undefined
        : [...builds.values()].find(
            ({ token, build }) =>
              token === input.idempotencyToken &&
              clock.now() - (build.startTime?.getTime() ?? 0) < tokenMilliseconds,
          );
    if (same !== undefined) {
      if (same.request !== request)
        throw new AwsError("InvalidInputException", "The idempotency token was used with other parameters.");
      return { build: copy(same.build) };
    }
    const limit = deps.concurrentBuilds ?? 20;
    if ([...builds.values()].filter(({ build }) => build.buildComplete !== true).length >= limit)
      throw new AwsError(
        "AccountLimitExceededException",
        `Cannot have more than ${limit} builds in queue for the account`,
      );
    const running = makeBuild(project, input, request);
    builds.set(running.build.id ?? "", running);
    running.ended = live(running, project, input);
    return { build: copy(running.build) };
  };

  function makeBuild(
    project: codebuild.Project,
    input: codebuild.StartBuildCommandInput,
    request: string,
  ): RunningBuild {
    const unique = uuid(world.random);
    const id = `${project.name}:${unique}`;
    const build = {
      id,
      arn: arn(world, "codebuild", `build/${id}`),
      buildNumber: ++number,
      startTime: new Date(clock.now()),
      currentPhase: "QUEUED",
      buildStatus: "IN_PROGRESS" as const,
      buildComplete: false,
      projectName: project.name,
      ...(input.sourceVersion === undefined ? {} : { sourceVersion: input.sourceVersion }),
      source: project.source,
      environment: {
        type: "LINUX_CONTAINER" as const,
        image: input.imageOverride ?? project.environment?.image,
        computeType: project.environment?.computeType,
        environmentVariables: [
          ...(project.environment?.environmentVariables ?? []),
          ...(input.environmentVariablesOverride ?? []),
        ],
        privilegedMode: false,
      },
      logs: { groupName: `/aws/codebuild/${project.name}`, streamName: unique },
      timeoutInMinutes: input.timeoutInMinutesOverride ?? project.timeoutInMinutes ?? 60,
      queuedTimeoutInMinutes: 480,
      initiator: "spillway",
      phases: [
        {
          phaseType: "SUBMITTED" as const,
          phaseStatus: "SUCCEEDED" as const,
          startTime: new Date(clock.now()),
          endTime: new Date(clock.now()),
          durationInSeconds: 0,
        },
      ],
    };
    return {
      build: build as RunningBuild["build"],
      request,
      token: input.idempotencyToken,
      stop: new AbortController(),
      ended: Promise.resolve(),
    };
  }

  /** A build's whole life. */
  async function live(
    running: RunningBuild,
    project: codebuild.Project,
    input: codebuild.StartBuildCommandInput,
  ): Promise<void> {
    const { build, stop } = running;
    tell(running);
    let timedOut = false;
    const cancel = clock.after((build.timeoutInMinutes ?? 60) * 60_000, () => {
      timedOut = true;
      stop.abort();
    });
    const result = await runJob(running, project, input);
    cancel();
    const status = timedOut ? "TIMED_OUT" : result.status;
    Object.assign(build, {
      buildStatus: status,
      buildComplete: true,
      currentPhase: "COMPLETED",
      endTime: new Date(clock.now()),
      exportedEnvironmentVariables: "exportedVariables" in result ? [...result.exportedVariables] : [],
      ...("resolvedSourceVersion" in result ? { resolvedSourceVersion: result.resolvedSourceVersion } : {}),
    });
    build.phases.push({ phaseType: "COMPLETED", startTime: new Date(clock.now()) });
    tell(running);
  }

  async function runJob(
    { build, stop }: RunningBuild,
    project: codebuild.Project,
    input: codebuild.StartBuildCommandInput,
  ) {
    const stream = build.logs?.streamName ?? "";
    const line = (text: string) => deps.logs.write(`/aws/codebuild/${project.name}`, stream, text);
    try {
      const job = {
        id: build.id ?? "",
        arn: build.arn ?? "",
        project: project.name ?? "",
        source: {
          type: project.source?.type ?? "NO_SOURCE",
          location: project.source?.location,
          version: input.sourceVersion ?? project.sourceVersion,
        },
        buildspec: input.buildspecOverride ?? project.source?.buildspec ?? "buildspec.yml",
        variables: resolveVariables(build.environment?.environmentVariables ?? []),
      };
      return await deps.runner.run(
        job,
        { line, phase: (outcome) => note(build, outcome, line) },
        stop.signal,
      );
    } catch (error) {
      // The runner's own fault, not the stage's word.
      line(`The build could not be run: ${error instanceof Error ? error.message : String(error)}`);
      return { status: "FAULT" as const };
    }
  }

  function resolveVariables(variables: readonly codebuild.EnvironmentVariable[]): Record<string, string> {
    return Object.fromEntries(
      variables.map(({ name = "", value = "", type }) => [
        name,
        type === "SECRETS_MANAGER" ? deps.resolveSecret(value) : value,
      ]),
    );
  }

  function note(build: RunningBuild["build"], outcome: PhaseOutcome, line: (text: string) => void): void {
    build.currentPhase = outcome.phase;
    build.phases.push({
      phaseType: outcome.phase,
      phaseStatus: outcome.status,
      startTime: new Date(outcome.startedAt),
      endTime: new Date(outcome.endedAt),
      durationInSeconds: Math.round((outcome.endedAt - outcome.startedAt) / 1000),
      contexts: outcome.context === undefined ? [{ statusCode: "", message: "" }] : [{ ...outcome.context }],
    });
    line(`[Container] Phase complete: ${outcome.phase} State: ${outcome.status}`);
    if (outcome.context !== undefined)
      line(
        `[Container] Phase context status code: ${outcome.context.statusCode} Message: ${outcome.context.message}`,
      );
  }

  function tell({ build }: RunningBuild): void {
    world.emit(buildStateChange(build));
  }

  const BatchGetBuilds: Operation<
    codebuild.BatchGetBuildsCommandInput,
    codebuild.BatchGetBuildsCommandOutput
  > = (input) => {
    const ids = (input.ids ?? []).map((id) => (id.startsWith("arn:") ? (id.split(":build/")[1] ?? id) : id));
    return {
      builds: ids.flatMap((id) => (builds.has(id) ? [copy(builds.get(id)?.build ?? {})] : [])),
      buildsNotFound: ids.filter((id) => !builds.has(id)),
    };
  };

  const page = (ids: string[], sortOrder: string | undefined, token: string | undefined) => {
    const sorted = sortOrder === "ASCENDING" ? ids : ids.toReversed();
    const start = Number(token ?? 0);
    return {
      ids: sorted.slice(start, start + 100),
      ...(start + 100 < sorted.length ? { nextToken: String(start + 100) } : {}),
    };
  };
  const ListBuilds: Operation<codebuild.ListBuildsCommandInput, codebuild.ListBuildsCommandOutput> = (
    input,
  ) => page([...builds.keys()], input.sortOrder, input.nextToken);
  const ListBuildsForProject: Operation<
    codebuild.ListBuildsForProjectCommandInput,
    codebuild.ListBuildsForProjectCommandOutput
  > = (input) => {
    const { name } = projectNamed(input.projectName);
    return page(
      [...builds.values()]
        .filter(({ build }) => build.projectName === name)
        .flatMap(({ build }) => build.id ?? []),
      input.sortOrder,
      input.nextToken,
    );
  };

  const StopBuild: Operation<codebuild.StopBuildCommandInput, codebuild.StopBuildCommandOutput> = (input) => {
    const id = input.id?.split(":build/").at(-1) ?? "";
    const running = builds.get(id);
    if (running === undefined) throw new AwsError("ResourceNotFoundException", `Build not found: ${id}`);
    running.stop.abort();
    return { build: copy(running.build) };
  };

  return {
    target: "CodeBuild_20161006",
    protocol: "json1.1",
    schemas: codebuild,
    operations: {
      CreateProject,
      BatchGetProjects,
      ListProjects,
      StartBuild,
      BatchGetBuilds,
      ListBuilds,
      ListBuildsForProject,
      StopBuild,
    },
    async stop() {
      const running = [...builds.values()].filter(({ build }) => build.buildComplete !== true);
      for (const { stop } of running) stop.abort();
      await Promise.all(running.map(({ ended }) => ended));
    },
  };
}

function copy(build: codebuild.Build): codebuild.Build {
  return structuredClone(build);
}
