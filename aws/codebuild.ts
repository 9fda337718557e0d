import {
  BatchGetBuildsCommand,
  BatchGetReportsCommand,
  type Build,
  CodeBuildClient,
  type Report as CodeBuildReport,
  type EnvironmentVariable,
  ListBuildsForProjectCommand,
  StartBuildCommand,
  StopBuildCommand,
} from "@aws-sdk/client-codebuild";
import type { EndedBuild } from "../core/build.ts";
import { SpillwayError } from "../core/errors.ts";
import type { RunningWork } from "../core/orphans.ts";
import type { Report } from "../core/records.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";
import { idempotencyToken } from "./idempotency.ts";

export type Builds = ReturnType<typeof connectBuilds>;

/** The variable by which a build tells which work it is; a retry finds its own build by it. */
export const workVariable = "SPILLWAY_WORK";

/** A build that goes on. */
export interface RunningBuild extends RunningWork {
  /** Who started it: `ROLE/SESSION`, or a user's name. */
  readonly initiator: string;
}

/** Project → the ids of its newest builds that were found, over a connection, to have ended. */
const endedFound = new WeakMap<Connection, Map<string, ReadonlySet<string>>>();

function endedOf(connection: Connection): Map<string, ReadonlySet<string>> {
  const ended = endedFound.get(connection) ?? new Map<string, ReadonlySet<string>>();
  endedFound.set(connection, ended);
  return ended;
}

/** CodeBuild, as the stages use it. */
export function connectBuilds(connection: Connection) {
  const codebuild = clientOf(CodeBuildClient, connection.client);
  const ended = endedOf(connection);

  async function describe(arn: string): Promise<Build> {
    const { builds } = await call("look at a build", () =>
      codebuild.send(new BatchGetBuildsCommand({ ids: [buildId(arn)] })),
    );
    const [build] = builds ?? [];
    if (build === undefined) throw new SpillwayError("AwsFault", `CodeBuild does not know the build ${arn}.`);
    return build;
  }

  /** The ids of the newest hundred builds of a project, the newest first. */
  async function newest(project: string): Promise<string[]> {
    const { ids = [] } = await call(`list the builds of ${project}`, () =>
      codebuild.send(new ListBuildsForProjectCommand({ projectName: project, sortOrder: "DESCENDING" })),
    );
    return ids.slice(0, 100);
  }

  async function lookAt(ids: string[]): Promise<Build[]> {
    if (ids.length === 0) return [];
    const { builds } = await call("look at builds", () => codebuild.send(new BatchGetBuildsCommand({ ids })));
    return builds ?? [];
  }

  /** What CodeBuild made of the build's report files. They are never worth failing a release for. */
  async function reports(arns: readonly string[]): Promise<Report[]> {
    if (arns.length === 0) return [];
    const found = await codebuild.send(new BatchGetReportsCommand({ reportArns: [...arns] })).then(
      (answer) => answer.reports ?? [],
      () => [],
    );
    return arns.map((arn) => {
      const report = found.find((one) => one.arn === arn);
      return report === undefined ? unread(arn) : asReport(arn, report);
    });
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
      return (await lookAt(await newest(project))).find((build) => workOf(build) === work)?.arn;
    },

    /**
     * The builds of `project` that go on and were started for some work, among the newest hundred. One that has ended
     * never goes on again, so it is asked about once.
     */
    async running(project: string): Promise<RunningBuild[]> {
      const ids = await newest(project);
      const before = ended.get(project);
      const builds = await lookAt(ids.filter((id) => before?.has(id) !== true));
      const over = builds.flatMap(({ id, buildComplete }) => (buildComplete === true ? (id ?? []) : []));
      ended.set(project, new Set([...ids.filter((id) => before?.has(id)), ...over]));
      return builds.flatMap((build) => {
        const { arn, buildStatus, startTime, initiator = "" } = build;
        const work = workOf(build);
        if (arn === undefined || work === undefined || buildStatus !== "IN_PROGRESS") return [];
        return { arn, work, initiator, startedAt: startTime?.getTime() ?? 0 };
      });
    },

    async isRunning(arn: string): Promise<boolean> {
      return (await describe(arn)).buildStatus === "IN_PROGRESS";
    },

    /** How the build ended; undefined while it runs. */
    async look(arn: string): Promise<EndedBuild | undefined> {
      const build = await describe(arn);
      if (build.buildComplete !== true) return undefined;
      const failed = build.phases?.find(
        ({ phaseStatus }) => phaseStatus !== undefined && phaseStatus !== "SUCCEEDED",
      );
      const { groupName: group, streamName: stream } = build.logs ?? {};
      const artifacts = [build.artifacts, ...(build.secondaryArtifacts ?? [])];
      return {
        id: build.id ?? buildId(arn),
        status: build.buildStatus ?? "FAILED",
        failed: failed && {
          phase: failed.phaseType ?? "",
          message: (failed.contexts ?? []).flatMap(({ message }) => message || []).join("; "),
        },
        startedAt: build.startTime?.getTime() ?? 0,
        endedAt: build.endTime?.getTime() ?? 0,
        log: group === undefined || stream === undefined ? undefined : { group, stream },
        reports: await reports(build.reportArns ?? []),
        artifacts: artifacts.flatMap((artifact) => artifact?.location || []),
      };
    },

    /** Stops a build; one that has ended stays as it is. */
    async stop(arn: string): Promise<void> {
      await call("stop a build", () => codebuild.send(new StopBuildCommand({ id: buildId(arn) })));
    },
  };
}

/** The work for which a build was started. */
function workOf({ environment }: Build): string | undefined {
  return environment?.environmentVariables?.find(({ name }) => name === workVariable)?.value;
}

function asVariables(
  type: "PLAINTEXT" | "SECRETS_MANAGER",
  values: Readonly<Record<string, string>>,
): EnvironmentVariable[] {
  return Object.entries(values).map(([name, value]) => ({ name, value, type }));
}

/** A report that could not be read is still named. */
function unread(arn: string): Report {
  const name = arn.slice(arn.indexOf(":report/") + ":report/".length).split(":")[0] ?? arn;
  return { name, type: "UNKNOWN", arn, status: "UNKNOWN" };
}

function asReport(arn: string, report: CodeBuildReport): Report {
  const { testSummary, codeCoverageSummary: coverage } = report;
  const counts = testSummary?.statusCounts ?? {};
  const of = (status: string) => counts[status] ?? 0;
  return {
    name: report.name ?? unread(arn).name,
    type: report.type ?? "UNKNOWN",
    arn,
    status: report.status ?? "UNKNOWN",
    ...(testSummary === undefined
      ? {}
      : {
          tests: {
            total: testSummary.total ?? 0,
            passed: of("SUCCEEDED"),
            failed: of("FAILED") + of("ERROR"),
            skipped: of("SKIPPED"),
          },
        }),
    ...(coverage === undefined
      ? {}
      : {
          coverage: {
            linePercent: coverage.lineCoveragePercentage,
            branchPercent: coverage.branchCoveragePercentage,
          },
        }),
  };
}

/** `arn:aws:codebuild:…:build/project:uuid` → `project:uuid`. */
function buildId(arn: string): string {
  return arn.slice(arn.indexOf(":build/") + ":build/".length);
}
