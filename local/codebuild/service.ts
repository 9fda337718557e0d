import * as codebuild from "@aws-sdk/client-codebuild";
import { copyOf } from "../copy.ts";
import { demand } from "../iam/demand.ts";
import { isRoleAllowed, type RoleSession } from "../iam/index.ts";
import { mayWriteLog } from "../iam/log-writing.ts";
import type { LogSink } from "../logs.ts";
import { AwsError, type Operation, type Service } from "../service.ts";
import { keptIn } from "../store.ts";
import { arn, type World } from "../world.ts";
import { type BuildRecord, type MadeBuild, makeBuild, sessionOf } from "./build.ts";
import { type EarlyEnd, endLostBuild, liveThrough } from "./lifecycle.ts";
import { page } from "./pages.ts";
import { createProjects } from "./projects.ts";
import { createReportOperations } from "./reports/operations.ts";
import { type BuildReport, createReportStore } from "./reports/store.ts";
import type { BuildRunner } from "./runner.ts";
import { createSecretMask } from "./secret-mask.ts";

/** How long an idempotency token of StartBuild is remembered (API reference). */
const TOKEN_MILLISECONDS = 5 * 60_000;
/** CodeBuild's own limit differs by account; this is what it often is (AWS documentation, "quotas"). */
const CONCURRENT_BUILDS = 20;

interface KeptBuild {
  readonly record: BuildRecord;
  /** What it was started with, to tell a repeated request from another one. */
  readonly request: string;
  readonly token: string | undefined;
}

interface StartedBuild extends KeptBuild {
  readonly stop: AbortController;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

/** CodeBuild, with the doors that the local AWS uses in process. */
export interface CodeBuild extends Service {
  /** Ends the builds that an earlier process left running, and tells so. @returns their ids. */
  endLost(): string[];
  /** Stops whatever runs. */
  stop(): Promise<void>;
}

/** CodeBuild: projects, and builds that really run. */
export function createCodeBuild(
  world: World,
  deps: {
    readonly runner: BuildRunner;
    readonly logs: LogSink;
    /** `secret-id:json-key:version-stage:version-id` or an ARN → its value. */
    readonly resolveSecret: (reference: string, as: RoleSession) => string | Promise<string>;
    /** How many builds may run at one time before StartBuild refuses. */
    readonly concurrentBuilds?: number;
  },
): CodeBuild {
  const { clock } = world;
  const projects = createProjects(world);
  const reports = createReportStore(world);
  const kept = keptIn<KeptBuild>(world, "codebuild/builds");
  const builds = new Map<string, StartedBuild>();
  const numbers = new Map<string, number>();
  for (const [id, build] of kept.entries()) {
    builds.set(id, { ...build, stop: new AbortController(), ended: Promise.resolve() });
    const { projectName, buildNumber = 0 } = build.record;
    numbers.set(projectName, Math.max(numbers.get(projectName) ?? 0, buildNumber));
  }
  const limit = deps.concurrentBuilds ?? CONCURRENT_BUILDS;

  const isRunning = ({ record }: StartedBuild) => record.buildComplete !== true;

  const StartBuild: Operation<codebuild.StartBuildCommandInput, codebuild.StartBuildCommandOutput> = (
    input,
    { caller },
  ) => {
    const project = projects.require(input.projectName);
    const request = JSON.stringify(input);
    const before = withToken(builds.values(), input.idempotencyToken, clock.now());
    if (before !== undefined) {
      if (before.request === request) return { build: copyOf(before.record) };
      throw new AwsError(
        "InvalidInputException",
        "The idempotency token was used with other parameters in the last five minutes.",
      );
    }
    if ([...builds.values()].filter(isRunning).length >= limit) {
      throw new AwsError(
        "AccountLimitExceededException",
        `Cannot have more than ${limit} builds in queue for the account`,
      );
    }
    const number = (numbers.get(project.name) ?? 0) + 1;
    const made = makeBuild(world, project, input, number, caller);
    const { record } = made;
    numbers.set(project.name, number);
    const answer = copyOf({ ...record, currentPhase: "QUEUED" });
    const stop = new AbortController();
    const build = { record, request, token: input.idempotencyToken };
    kept.put(record.id, build);
    const ended = run(made, build, stop);
    builds.set(record.id, { ...build, stop, ended });
    return { build: answer };
  };

  function run(made: MadeBuild, build: KeptBuild, stop: AbortController): Promise<void> {
    const { record } = made;
    const mask = createSecretMask();
    const variables = async () => {
      const resolved: Record<string, string> = {};
      for (const { name = "", value = "", type } of record.environment?.environmentVariables ?? []) {
        resolved[name] =
          type === "SECRETS_MANAGER" ? mask.add(await deps.resolveSecret(value, sessionOf(record))) : value;
      }
      return resolved;
    };
    return liveThrough(world, made, {
      runner: deps.runner,
      mask,
      variables,
      line: logOf(record),
      onChange: () => kept.put(record.id, build),
      stop,
      addReport: (report) => (mayReport(record, report) ? reports.add(record, report, mask) : undefined),
    });
  }

  function logOf(record: BuildRecord): (text: string) => void {
    const { groupName = "", streamName = "" } = record.logs ?? {};
    const mayLog = mayWriteLog(world, sessionOf(record), groupName, streamName);
    return (text) => {
      if (mayLog) deps.logs.write(groupName, streamName, text);
    };
  }

  /** CodeBuild makes the group and the report, fills it and ends it, all by the right of the build's role. */
  function mayReport(record: BuildRecord, { group, type }: BuildReport): boolean {
    const groupArn = group.startsWith("arn:")
      ? group
      : arn(world, "codebuild", `report-group/${record.projectName}-${group}`);
    const content = type === "CODE_COVERAGE" ? "BatchPutCodeCoverages" : "BatchPutTestCases";
    const actions = [
      ...(reports.groups.has(groupArn) ? [] : ["CreateReportGroup"]),
      ...["CreateReport", content, "UpdateReport"],
    ];
    const demands = actions.flatMap((action) => demand(`codebuild:${action}`, groupArn));
    return isRoleAllowed(world, sessionOf(record), demands);
  }

  function endLost(): string[] {
    const lost = [...builds.values()].filter(isRunning);
    for (const { record, request, token } of lost) {
      const onChange = () => kept.put(record.id, { record, request, token });
      endLostBuild(world, record, { line: logOf(record), onChange });
    }
    return lost.map(({ record }) => record.id);
  }

  const BatchGetBuilds: Operation<
    codebuild.BatchGetBuildsCommandInput,
    codebuild.BatchGetBuildsCommandOutput
  > = ({ ids = [] }) => {
    if (ids.length < 1 || ids.length > 100) {
      throw new AwsError("InvalidInputException", `Give 1 to 100 build ids; there are ${ids.length}.`);
    }
    const found = (id: string) => builds.get(buildId(id));
    return {
      builds: ids.flatMap((id) => copyOf(found(id)?.record) ?? []),
      buildsNotFound: ids.filter((id) => found(id) === undefined),
    };
  };

  const list = (
    kept: readonly StartedBuild[],
    { sortOrder, nextToken }: { sortOrder?: string | undefined; nextToken?: string | undefined },
  ) => {
    const ids = kept.map(({ record }) => record.id);
    // The newest first, unless asked otherwise; builds are kept in the order in which they began.
    const { items, ...more } = page(sortOrder === "ASCENDING" ? ids : ids.toReversed(), nextToken);
    return { ids: items, ...more };
  };

  const ListBuilds: Operation<codebuild.ListBuildsCommandInput, codebuild.ListBuildsCommandOutput> = (
    input,
  ) => list([...builds.values()], input);

  const ListBuildsForProject: Operation<
    codebuild.ListBuildsForProjectCommandInput,
    codebuild.ListBuildsForProjectCommandOutput
  > = (input) => {
    const { name } = projects.require(input.projectName);
    return list(
      [...builds.values()].filter(({ record }) => record.projectName === name),
      input,
    );
  };

  const StopBuild: Operation<codebuild.StopBuildCommandInput, codebuild.StopBuildCommandOutput> = ({
    id = "",
  }) => {
    const build = builds.get(buildId(id));
    if (build === undefined)
      throw new AwsError("ResourceNotFoundException", `Build not found: ${buildId(id)}`);
    if (isRunning(build)) build.stop.abort("STOPPED" satisfies EarlyEnd);
    return { build: copyOf(build.record) };
  };

  return {
    target: "CodeBuild_20161006",
    protocol: "json1.1",
    schemas: codebuild,
    operations: {
      ...projects.operations,
      ...createReportOperations(reports, () => new Date(clock.now())),
      StartBuild,
      BatchGetBuilds,
      ListBuilds,
      ListBuildsForProject,
      StopBuild,
    },
    endLost,
    async stop() {
      const running = [...builds.values()].filter(isRunning);
      for (const { stop } of running) stop.abort("STOPPED" satisfies EarlyEnd);
      await Promise.all(running.map(({ ended }) => ended));
    },
  };
}

function withToken(
  builds: Iterable<StartedBuild>,
  token: string | undefined,
  now: number,
): StartedBuild | undefined {
  if (token === undefined) return undefined;
  return [...builds].find(
    (build) => build.token === token && now - build.record.startTime.getTime() < TOKEN_MILLISECONDS,
  );
}

/** `arn:aws:codebuild:…:build/PROJECT:uuid` or `PROJECT:uuid` → `PROJECT:uuid`. */
function buildId(idOrArn: string): string {
  const marker = ":build/";
  const start = idOrArn.indexOf(marker);
  return start < 0 ? idOrArn : idOrArn.slice(start + marker.length);
}
