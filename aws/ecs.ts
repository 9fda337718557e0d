import {
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  StopTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { migrationContainer } from "../core/names.ts";
import type { RunningWork } from "../core/orphans.ts";
import type { WaitResult } from "../core/wait.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

export type Tasks = ReturnType<typeof connectTasks>;

/** Tasks of ECS that run already. What starts them is `ecs-start.ts`: its calls are large, and most functions only look. */
export function connectTasks({ client }: Connection) {
  const ecs = clientOf(ECSClient, client);

  async function describe(cluster: string, taskArn: string): Promise<Task | undefined> {
    const { tasks } = await call("look at the migration task", () =>
      ecs.send(new DescribeTasksCommand({ cluster, tasks: [taskArn] })),
    );
    return tasks?.[0];
  }

  return {
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

    /** The tasks of a family that go on and were started for some work. */
    async running(cluster: string, family: string): Promise<RunningWork[]> {
      const found: RunningWork[] = [];
      let nextToken: string | undefined;
      do {
        const page = await call("list the migration tasks", () =>
          ecs.send(new ListTasksCommand({ cluster, family, desiredStatus: "RUNNING", nextToken })),
        );
        const { taskArns = [] } = page;
        const { tasks = [] } =
          taskArns.length === 0
            ? {}
            : await call("look at the migration tasks", () =>
                ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns })),
              );
        for (const { taskArn: arn, startedBy: work, lastStatus, createdAt } of tasks)
          if (arn !== undefined && work !== undefined && lastStatus !== "STOPPED")
            found.push({ arn, work, startedAt: createdAt?.getTime() ?? 0 });
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return found;
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
