import { ECSClient, StopTaskCommand } from "@aws-sdk/client-ecs";
import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { connectTasks } from "../../../aws/ecs.ts";
import { sleep } from "../../../local/asl/index.ts";
import type { ServiceEvent } from "../../../local/world.ts";
import { exampleWith, oneEnvironment } from "../../simulation/environments.ts";
import { createOperator } from "../../simulation/operator.ts";
import type { SimulatedWorld } from "../../simulation/world.ts";
import type { Scenario } from "../scenario.ts";
import { commit, expand, minutes, newestOf, stopExecution, until, withBuild } from "../steps.ts";

const runTask = "AmazonEC2ContainerServiceV20141113.RunTask";
const startBuild = "CodeBuild_20161006.StartBuild";

/** Cancels every open release at the console, and gives that a moment. */
async function cancelAll(world: SimulatedWorld): Promise<void> {
  const states = new SFNClient(world.connection.client);
  for (const { id } of await world.records.openReleases()) {
    const input = JSON.stringify({ cancel: id, reason: "the wrong logo" });
    await states.send(
      new StartExecutionCommand({ stateMachineArn: world.made.machines.ReleaseMachine, input }),
    );
  }
  await sleep(world.clock, 5_000);
}

/** Stops every migration task that runs, as a person would who sees it hang, and waits until it has ended. */
async function stopTasks(world: SimulatedWorld): Promise<void> {
  const { cluster } = (await world.records.installation()).resources;
  const ecs = new ECSClient(world.connection.client);
  const tasks = connectTasks(world.connection);
  for (const { arn: task } of await tasks.running(cluster, "spillway-web-production-migration")) {
    await ecs.send(new StopTaskCommand({ cluster, task, reason: "it hangs" }));
    while (await tasks.isRunning(cluster, task)) await sleep(world.clock, 1_000);
  }
}

const recoveryOf =
  (world: SimulatedWorld) =>
  ({ detail }: ServiceEvent): boolean =>
    detail.stateMachineArn === world.made.machines.DeployMachine &&
    detail.status === "RUNNING" &&
    String(detail.name).startsWith("recover-");

/** Stops recoveries as soon as they begin, until nobody begins another. */
async function stopRecoveries(world: SimulatedWorld, from: number): Promise<void> {
  for (let since = from, stopped = 0; stopped < 3; stopped++) {
    await until(world, recoveryOf(world), since);
    const newest = newestOf(world, "DeployMachine", since);
    since = world.events.length;
    await world.clock.runUntil(stopExecution(world, newest));
  }
}

/** What happens while a function has called and is not answered yet. */
export const betweenCalls: readonly Scenario[] = [
  {
    name: "a release that is cancelled while one of its checks begins",
    config: oneEnvironment(),
    async play(world, between) {
      between.after({ function: "RunStage", operation: startBuild }, async () => {
        await cancelAll(world);
        return "answered";
      });
      await world.release("aaaaaaa");
      await minutes(world, 2);
    },
  },
  {
    name: "a check whose end is looked into while its state is tried again",
    config: oneEnvironment(),
    async play(world, between) {
      const begun = { function: "RunStage", operation: "DynamoDB_20120810.UpdateItem" };
      const found = { function: "CompleteWait", operation: "DynamoDB_20120810.Query" };
      between.after(begun, async () => {
        await sleep(world.clock, 5_000);
        return "killed";
      });
      between.after(found, async () => {
        await sleep(world.clock, 30_000);
        return "answered";
      });
      await world.release("aaaaaaa", { stages: { "static-analysis": { seconds: 1 } } });
      await minutes(world, 2);
    },
  },
  {
    name: "a release that is cancelled while the build of its image begins",
    config: withBuild("source"),
    async play(world, between) {
      between.after({ function: "BuildImage", operation: startBuild }, async () => {
        await cancelAll(world);
        return "answered";
      });
      world.commit(commit);
      await world.start({ service: "web", commit });
      await minutes(world, 2);
    },
  },
  {
    name: "a release that is cancelled while its migration begins",
    config: oneEnvironment(),
    async play(world, between) {
      await world.release("aaaaaaa");
      between.after({ function: "MigrateDatabase", operation: runTask }, async () => {
        await cancelAll(world);
        return "answered";
      });
      await world.push("bbbbbbb", { migration: { ...expand, seconds: 300 } });
      await minutes(world, 20);
    },
  },
  {
    name: "a deployment that is stopped while its migration begins, so that nobody knows the task",
    config: oneEnvironment(),
    async play(world, between) {
      await world.release("aaaaaaa");
      between.after({ function: "MigrateDatabase", operation: runTask }, async (invocation) => {
        await stopExecution(world, invocation.execution);
        return "killed";
      });
      await world.push("bbbbbbb", { migration: { ...expand, seconds: 300 } });
      await minutes(world, 20);
    },
  },
  {
    name: "the same, and three recoveries that are stopped as well",
    config: oneEnvironment(),
    async play(world, between) {
      await world.release("aaaaaaa");
      between.after({ function: "MigrateDatabase", operation: runTask }, async (invocation) => {
        await stopExecution(world, invocation.execution);
        return "killed";
      });
      const from = world.events.length;
      await world.push("bbbbbbb", { migration: { ...expand, seconds: 400 } });
      await stopRecoveries(world, from);
      await minutes(world, 30);
    },
  },
  {
    name: "a migration that fails while it begins, and a question to the database that is stopped while it begins",
    config: oneEnvironment(),
    async play(world, between) {
      await world.release("aaaaaaa");
      between.after({ function: "MigrateDatabase", operation: runTask }, async () => {
        await sleep(world.clock, 40_000);
        return "answered";
      });
      between.after({ function: "InspectSchema", operation: runTask }, async () => {
        await stopTasks(world);
        return "answered";
      });
      await world.release("bbbbbbb", { migration: { ...expand, exitCode: 1, silent: true } });
      await minutes(world, 10);
    },
  },
  ...(["well", "ill"] as const).map(
    (how): Scenario => ({
      name: `a way back whose operation ends ${how} while its begin is not answered yet`,
      config: oneEnvironment(),
      async play(world, between) {
        const before = { crashesOnStart: false };
        await world.release("aaaaaaa", before);
        world.before("RollBack", async () => {
          before.crashesOnStart = how === "ill";
        });
        between.after({ function: "RollBack", operation: "AppRunner.UpdateService" }, async () => {
          await sleep(world.clock, 55_000);
          return "answered";
        });
        await world.release("bbbbbbb", { healthStatus: 500 });
      },
    }),
  ),
  ...(["well", "ill"] as const).map(
    (how): Scenario => ({
      name: `a target whose operation ends ${how} while its begin is not answered yet`,
      config: oneEnvironment(),
      async play(world, between) {
        await world.release("aaaaaaa");
        between.after({ function: "StartDeployment", operation: "AppRunner.UpdateService" }, async () => {
          await sleep(world.clock, 55_000);
          return "answered";
        });
        await world.release("bbbbbbb", { crashesOnStart: how === "ill" });
      },
    }),
  ),
  {
    name: "a rejection that comes while people are asked",
    config: exampleWith({ approval: { count: 1 } }),
    async play(world, between) {
      between.after({ function: "RequestApproval", operation: "AWSEvents.PutEvents" }, async () => {
        for (const { id: release } of await world.records.openReleases())
          await createOperator(world, "ada").request({
            ...{ action: "reject", release, environment: "production" },
            reason: "not today",
          });
        return "answered";
      });
      await world.push("aaaaaaa");
      await minutes(world, 10);
    },
  },
  {
    name: "a release that waits in line while the environment is left in need of a person",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      await world.push("bbbbbbb", { migration: { ...expand, seconds: 300, exitCode: 1, leaves: "0002" } });
      await minutes(world, 2);
      await world.push("ccccccc");
      await minutes(world, 20);
    },
  },
];
