import {
  ConflictException,
  ECSClient,
  type Failure,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { SpillwayError } from "../core/errors.ts";
import { migrationContainer } from "../core/names.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";
import { idempotencyToken } from "./idempotency.ts";

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

/**
 * Each try has a task definition of its own, so its request is another one; ECS refuses that for a token in use, and
 * names the task that the token began.
 */
function begunBefore(error: unknown): { tasks: Task[]; failures?: Failure[] } {
  if (!(error instanceof ConflictException) || error.resourceIds?.[0] === undefined) throw error;
  return { tasks: error.resourceIds.map((taskArn) => ({ taskArn })) };
}

/** ECS, as migrations are started with it. Never Spot: a migration must not be interrupted. */
export function connectTaskStarts({ client }: Connection) {
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

  return {
    /** Runs the task. @returns its ARN. @throws MigrationNotStarted if ECS has no room for it now. */
    async run(task: MigrationTask): Promise<string> {
      const taskDefinition = await register(task);
      const { tasks, failures } = await call("run the migration task", () =>
        ecs
          .send(
            new RunTaskCommand({
              cluster: task.cluster,
              taskDefinition,
              launchType: "FARGATE",
              startedBy: task.work,
              clientToken: idempotencyToken(task.work),
              networkConfiguration: {
                awsvpcConfiguration: {
                  subnets: [...task.subnets],
                  securityGroups: [...task.securityGroups],
                  assignPublicIp: task.publicAddress ? "ENABLED" : "DISABLED",
                },
              },
            }),
          )
          .catch(begunBefore),
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
  };
}
