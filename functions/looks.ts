import { connectAppRunner } from "../aws/apprunner.ts";
import { connectBuilds } from "../aws/codebuild.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectTasks } from "../aws/ecs.ts";
import { connectLogs } from "../aws/logs.ts";
import { judgeBuild } from "../core/build.ts";
import { withLog } from "../core/excerpt.ts";
import type { Evidence } from "../core/records.ts";
import { buildImageStage } from "../core/stage.ts";
import type { Wait, WaitKind } from "../core/wait.ts";
import { connectionOf } from "./environment-connection.ts";
import type { Place } from "./middleware.ts";
import { readTaskLog } from "./migration-work.ts";
import { deploymentOf } from "./stage-scope.ts";
import type { Look } from "./waiting.ts";

/** How a build ended; its evidence is recorded before anybody is told. */
export function lookAtBuild(place: Place): Look {
  return async (wait) => {
    const build = await connectBuilds(place.connection).look(wait.awaitedArn);
    if (build === undefined) return undefined;
    const { status, startedAt, endedAt, log, reports, artifacts } = build;
    const passed = status === "SUCCEEDED";
    const lines =
      passed || log === undefined ? [] : await connectLogs(place.connection).tail(log.group, log.stream);
    const stage = wait.subject.stage ?? wait.key;
    const result = judgeBuild(build, lines, stage === buildImageStage ? "BuildFailed" : "StageFailed");
    await keep(place, wait, {
      stage,
      build: wait.subject.build ?? stage,
      passed,
      buildArn: wait.awaitedArn,
      startedAt,
      endedAt,
      log,
      reports: [...reports],
      artifacts: [...artifacts],
      ...(result.end === "failed" ? { cause: result.cause } : {}),
    });
    return result;
  };
}

/** Evidence is kept with what the build checks. */
async function keep(
  { connection, environment: { table } }: Place,
  wait: Wait,
  evidence: Evidence,
): Promise<void> {
  const records = connectRecords(connection, table);
  const deployment = deploymentOf(wait);
  if (deployment === undefined) await records.recordEvidence(wait.release, evidence);
  else await records.recordVerification(deployment, evidence);
}

/**
 * How a migration task ended. What a failed `up` printed is told later, by `ConfirmMigration`: the last lines of a log
 * arrive after the task has ended.
 */
export function lookAtTask(place: Place): Look {
  return async (wait) => {
    const { cluster = "", purpose } = wait.subject;
    const result = await connectTasks(connectionOf(place, wait)).look(cluster, wait.awaitedArn);
    if (result?.end !== "failed" || result.error !== "MigrationFailed" || purpose === "up") return result;
    const error = purpose === "check" ? "DatabaseUnreachable" : result.error;
    const printed = await readTaskLog(place, wait);
    const cause = printed === undefined ? result.cause : withLog(result.cause, printed.lines, printed.log);
    return { end: "failed", error, cause };
  };
}

/** How a target's operation ended. */
export function lookAtOperation(place: Place): Look {
  return (wait) =>
    connectAppRunner(connectionOf(place, wait)).look({
      arn: wait.awaitedArn,
      operation: wait.subject.operation ?? "",
    });
}

/** The look for any kind of work that a service does. */
export function lookAtWork(place: Place): Look {
  const looks: Partial<Record<WaitKind, Look>> = {
    build: lookAtBuild(place),
    task: lookAtTask(place),
    operation: lookAtOperation(place),
  };
  return async (wait) => looks[wait.kind]?.(wait);
}
