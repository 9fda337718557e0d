import { connectAppRunner } from "../aws/apprunner.ts";
import { connectBuilds } from "../aws/codebuild.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectTasks } from "../aws/ecs.ts";
import type { WaitKind } from "../core/wait.ts";
import type { Place } from "./middleware.ts";
import { deploymentOf } from "./stage-scope.ts";
import type { Look } from "./waiting.ts";

/** How a build ended; its evidence is recorded before anybody is told. */
export function lookAtBuild({ connection, environment }: Place): Look {
  return async (wait) => {
    const ended = await connectBuilds(connection).look(wait.awaitedArn);
    if (ended === undefined) return undefined;
    const { result, ...found } = ended;
    const stage = wait.subject.stage ?? wait.key;
    const evidence = {
      stage,
      build: wait.subject.build ?? stage,
      passed: result.end === "succeeded",
      buildArn: wait.awaitedArn,
      ...found,
      ...(result.end === "failed" ? { cause: result.cause } : {}),
    };
    const records = connectRecords(connection, environment.table);
    const deployment = deploymentOf(wait);
    if (deployment === undefined) await records.recordEvidence(wait.release, evidence);
    else await records.recordVerification(deployment, evidence);
    return result;
  };
}

/** How a migration task ended. */
export function lookAtTask({ connection }: Place): Look {
  return (wait) => connectTasks(connection).look(wait.subject.cluster ?? "", wait.awaitedArn);
}

/** How a target's operation ended. */
export function lookAtOperation({ connection }: Place): Look {
  return (wait) =>
    connectAppRunner(connection).look({ arn: wait.awaitedArn, operation: wait.subject.operation ?? "" });
}

/** The look for any kind of wait. */
export function lookFor(place: Place): Look {
  const looks: Record<WaitKind, Look> = {
    build: lookAtBuild(place),
    task: lookAtTask(place),
    operation: lookAtOperation(place),
  };
  return (wait) => looks[wait.kind](wait);
}
