import {
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { SpillwayError } from "../core/errors.ts";
import { migrationContainer } from "../core/names.ts";
import type { WaitResult } from "../core/wait.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";
import { idempotencyToken } from "./idempotency.ts";

export type Tasks = ReturnType<typeof connectTasks>;

/** A migration task to be run: one image, one command, the database's secrets by reference. */
export interface MigrationTask {
  readonly work: string;
  readonly family: string;
  readonly imageUri: string;
  readonly command: readonly string[];
  /** Variable → reference of a secret. ECS resolves it; nobody of ours sees the value. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly cluster: string;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly publicAddress: boolean;
  readonly executionRoleArn: string;
  readonly taskRoleArn: string;
  readonly logGroup: string;
  readonly region: string;
}

/** ECS, as migrations use it. Never Spot: a migration must not be interrupted. */
export function connectTasks({ client }: Connection) {
  const ecs = clientOf(ECSClient, client);

  /** An override cannot change the image, so every run has a task definition revision of its own. */
  async function register(task: MigrationTask): Promise<string> {
    const { taskDefinition } = await call("register the migration's task definition", () =>
      ecs.send(
        new RegisterTaskDefinitionCommand({
          family: task.family,
          requiresCompatibilities: ["FARGATE"],
          networkMode: "awsvpc",
          cpu: "256",
          memory: "512",
          executionRoleArn: task.executionRoleArn,
          taskRoleArn: task.taskRoleArn,
          containerDefinitions: [
            {
              name: migrationContainer,
              image: task.imageUri,
              essential: true,
              command: [...task.command],
              secrets: Object.entries(task.secrets).map(([name, valueFrom]) => ({ name, valueFrom })),
              stopTimeout: 120,
              logConfiguration: {
                logDriver: "awslogs",
                options: {
                  "awslogs-group": task.logGroup,
                  "awslogs-stream-prefix": task.family,
                  "awslogs-region": task.region,
                },
              },
            },
          ],
        }),
      ),
    );
    if (taskDefinition?.taskDefinitionArn === undefined)
      throw new SpillwayError("AwsFault", "ECS registered a task definition without an ARN.");
    return taskDefinition.taskDefinitionArn;
  }

  async function describe(cluster: string, taskArn: string): Promise<Task | undefined> {
    const { tasks } = await call("look at the migration task", () =>
      ecs.send(new DescribeTasksCommand({ cluster, tasks: [taskArn] })),
    );
    return tasks?.[0];
  }

  return {
    /** Runs the task. @returns its ARN. @throws MigrationNotStarted if ECS has no room for it now. */
    async run(task: MigrationTask): Promise<string> {
      const taskDefinition = await register(task);
      const { tasks, failures } = await call("run the migration task", () =>
        ecs.send(
          new RunTaskCommand({
            cluster: task.cluster,
            taskDefinition,
            launchType: "FARGATE",
            startedBy: task.work,
            clientToken: idempotencyToken(`${task.work} ${taskDefinition}`),
            networkConfiguration: {
              awsvpcConfiguration: {
                subnets: [...task.subnets],
                securityGroups: [...task.securityGroups],
                assignPublicIp: task.publicAddress ? "ENABLED" : "DISABLED",
              },
            },
          }),
        ),
      );
      const arn = tasks?.[0]?.taskArn;
      if (arn !== undefined) return arn;
      const reasons = failures
        ?.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(": "))
        .join("; ");
      throw new SpillwayError(
        "MigrationNotStarted",
        `ECS could not start the migration task: ${reasons || "no reason given"}.`,
      );
    },

    /** A task that was started for this work, running or stopped within the last hour. */
    async find(cluster: string, work: string): Promise<string | undefined> {
      for (const desiredStatus of ["RUNNING", "STOPPED"] as const) {
        const { taskArns } = await call("look for the migration task", () =>
          ecs.send(new ListTasksCommand({ cluster, startedBy: work, desiredStatus })),
        );
        if (taskArns?.[0] !== undefined) return taskArns[0];
      }
      return undefined;
    },

    /** Tells the task to stop: SIGTERM now, SIGKILL after its stopTimeout. Harmless if it has stopped. */
    async stop(cluster: string, task: string, reason: string): Promise<void> {
      await call("stop the migration task", () => ecs.send(new StopTaskCommand({ cluster, task, reason })));
    },

    /** Whether the task has yet to stop; ECS forgets those that stopped an hour ago. */
    async isRunning(cluster: string, taskArn: string): Promise<boolean> {
      const task = await describe(cluster, taskArn);
      return task !== undefined && task.lastStatus !== "STOPPED";
    },

    /** How the task ended; undefined while it runs. */
    async look(cluster: string, taskArn: string): Promise<WaitResult | undefined> {
      const task = await describe(cluster, taskArn);
      // Right after RunTask a task may be missing: ECS is eventually consistent. The next look will see it.
      return task?.lastStatus === "STOPPED" ? judgeTask(task) : undefined;
    },
  };
}

/** Success and failure share stopCode and stoppedReason; only the container's exit code tells. */
function judgeTask(task: Task): WaitResult {
  const container = task.containers?.find(({ name }) => name === migrationContainer);
  if (task.stopCode === "EssentialContainerExited" && container?.exitCode === 0)
    return { end: "succeeded", output: { taskArn: task.taskArn } };
  const cause = `task ${task.taskArn} stopped: ${[task.stopCode, task.stoppedReason, container?.reason].filter(Boolean).join(", ")}`;
  if (container?.exitCode === undefined) return { end: "failed", error: "MigrationNotStarted", cause };
  return { end: "failed", error: "MigrationFailed", cause: `${cause}, exit code ${container.exitCode}` };
}
