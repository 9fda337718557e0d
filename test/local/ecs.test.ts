import {
  CreateClusterCommand,
  DeleteTaskDefinitionsCommand,
  DeregisterTaskDefinitionCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTaskDefinitionFamiliesCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  type TaskDefinitionStatus,
} from "@aws-sdk/client-ecs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createVirtualClock, sleep, type VirtualClock } from "../../local/asl/index.ts";
import { type ContainerRequest, ContainerStartError } from "../../local/containers.ts";
import { createEcs } from "../../local/ecs/service.ts";
import { createGateway } from "../../local/gateway.ts";
import { createRequestHandler } from "../../local/handover.ts";
import type { ServiceEvent, World } from "../../local/world.ts";

let clock: VirtualClock;
let client: ECSClient;
let events: ServiceEvent[];
let lines: string[];
let started: ContainerRequest[];
let pull: () => Promise<void>;
let run: (request: ContainerRequest) => Promise<number | null>;

beforeEach(async () => {
  clock = createVirtualClock();
  [events, lines, started] = [[], [], []];
  run = async () => 0;
  pull = async () => {};
  const world: World = {
    clock,
    random: Math.random,
    accountId: "000000000000",
    region: "us-east-1",
    endpoint: () => "http://local",
    folder: "/nowhere",
    emit: (event) => events.push(event),
  };
  const ecs = createEcs(world, {
    logs: {
      write: (group, stream, line) =>
        void lines.push(`${group} ${stream.replace(/[0-9a-f]{32}$/, "ID")} ${line}`),
    },
    resolveSecret: (reference) => `value of ${reference}`,
    containers: {
      async start(request) {
        if (request.image.includes("missing"))
          throw new ContainerStartError(
            "CannotPullContainerError",
            "CannotPullContainerError: failed to resolve ref",
          );
        await pull();
        started.push(request);
        const stopped = new AbortController();
        const exited = Promise.race([
          run(request).then((exitCode) => ({ exitCode })),
          new Promise<{ exitCode: null }>((resolve) =>
            stopped.signal.addEventListener("abort", () => resolve({ exitCode: null })),
          ),
        ]);
        return { exited, stop: async () => stopped.abort() };
      },
    },
  });
  client = new ECSClient({
    region: "us-east-1",
    endpoint: "http://local",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
    requestHandler: createRequestHandler(createGateway([ecs], { clock, random: Math.random }), clock),
  });
  await ask(client.send(new CreateClusterCommand({ clusterName: "main" })));
});
afterEach(() => client.destroy());

const networkConfiguration = { awsvpcConfiguration: { subnets: ["subnet-local"] } };

/** A client's first request loads parts of the SDK, which the virtual clock cannot see by itself. */
const ask = <Answer>(answer: Promise<Answer>): Promise<Answer> =>
  clock.runUntil(clock.busy(answer, "a request to ECS"));

async function register(image = "host/web-migrate@sha256:ab"): Promise<string> {
  const { taskDefinition } = await ask(
    client.send(
      new RegisterTaskDefinitionCommand({
        family: "migration",
        requiresCompatibilities: ["FARGATE"],
        networkMode: "awsvpc",
        cpu: "256",
        memory: "512",
        containerDefinitions: [
          {
            name: "migration",
            image,
            command: ["up"],
            secrets: [{ name: "DATABASE_URL", valueFrom: "arn:database" }],
            logConfiguration: {
              logDriver: "awslogs",
              options: { "awslogs-group": "/migrations", "awslogs-stream-prefix": "web" },
            },
          },
        ],
      }),
    ),
  );
  return taskDefinition?.taskDefinitionArn ?? "";
}

async function start(image?: string, clientToken?: string): Promise<string> {
  const taskDefinition = await register(image);
  const { tasks } = await ask(
    client.send(
      new RunTaskCommand({
        cluster: "main",
        taskDefinition,
        startedBy: "work/1",
        networkConfiguration,
        ...(clientToken === undefined ? {} : { clientToken }),
      }),
    ),
  );
  return tasks?.[0]?.taskArn ?? "";
}

async function look(arn: string) {
  const { tasks } = await ask(client.send(new DescribeTasksCommand({ cluster: "main", tasks: [arn] })));
  return tasks?.[0];
}

describe("an ECS task", () => {
  it("goes from PROVISIONING to STOPPED, tells of each step with a rising version, and keeps its log", async () => {
    run = async ({ environment, command, onLine }) => {
      onLine(`${command?.join(" ")} on ${environment.DATABASE_URL}`);
      await sleep(clock, 5_000);
      return 0;
    };
    const arn = await start();
    await clock.advance(1_000);
    expect(await look(arn)).toMatchObject({ lastStatus: "RUNNING", startedBy: "work/1" });
    await clock.advance(10_000);
    expect(await look(arn)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "EssentialContainerExited",
      stoppedReason: "Essential container in task exited",
      containers: [{ name: "migration", exitCode: 0, imageDigest: "sha256:ab" }],
    });
    expect(events.map(({ detail }) => detail.lastStatus)).toEqual([
      "PENDING",
      "RUNNING",
      "DEPROVISIONING",
      "STOPPED",
    ]);
    expect(events.map(({ detail }) => detail.version)).toEqual([2, 3, 4, 5]);
    expect(lines).toEqual(["/migrations web/migration/ID up on value of arn:database"]);
  });

  it("tells failure from success by the exit code alone", async () => {
    run = async () => 3;
    const arn = await start();
    await clock.advance(1_000);
    expect(await look(arn)).toMatchObject({
      stopCode: "EssentialContainerExited",
      containers: [{ exitCode: 3 }],
    });
  });

  it("that cannot pull its image never had an exit code", async () => {
    const arn = await start("host/missing:1");
    await clock.advance(1_000);
    const task = await look(arn);
    expect(task).toMatchObject({
      stopCode: "TaskFailedToStart",
      stoppedReason: expect.stringContaining("CannotPullContainerError"),
    });
    expect(task?.containers?.[0]?.exitCode).toBeUndefined();
  });

  it("is stopped by a person with the reason given", async () => {
    run = () => new Promise(() => {});
    const arn = await start();
    await clock.advance(1_000);
    await ask(client.send(new StopTaskCommand({ cluster: "main", task: arn, reason: "enough" })));
    await clock.advance(1_000);
    expect(await look(arn)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "UserInitiated",
      stoppedReason: "enough",
    });
  });

  it("is run once for one client token, is found by who started it, and is MISSING when it is not there", async () => {
    run = () => new Promise(() => {});
    const taskDefinition = await register();
    const again = () =>
      ask(
        client.send(
          new RunTaskCommand({
            cluster: "main",
            taskDefinition,
            networkConfiguration,
            startedBy: "work/1",
            clientToken: "once",
          }),
        ),
      );
    const [first, second] = [await again(), await again()];
    expect(second.tasks?.[0]?.taskArn).toBe(first.tasks?.[0]?.taskArn);
    await clock.advance(1_000);
    expect(started).toHaveLength(1);
    const other = new RunTaskCommand({
      cluster: "main",
      taskDefinition,
      startedBy: "work/2",
      clientToken: "once",
    });
    await expect(ask(client.send(other))).rejects.toMatchObject({ name: "ConflictException" });
    const { taskArns } = await ask(
      client.send(new ListTasksCommand({ cluster: "main", startedBy: "work/1" })),
    );
    expect(taskArns).toEqual([first.tasks?.[0]?.taskArn]);
    const { failures } = await ask(
      client.send(new DescribeTasksCommand({ cluster: "main", tasks: ["nope"] })),
    );
    expect(failures?.[0]).toMatchObject({ reason: "MISSING" });
  });

  it("refuses a cluster or definition that is not there by AWS's names", async () => {
    await expect(
      ask(client.send(new RunTaskCommand({ cluster: "other", taskDefinition: "x" }))),
    ).rejects.toMatchObject({ name: "ClusterNotFoundException" });
    await expect(
      ask(client.send(new RunTaskCommand({ cluster: "main", taskDefinition: "x" }))),
    ).rejects.toMatchObject({ name: "ClientException" });
  });
});

describe("what the ECS API shows and refuses", () => {
  const runTask = (more: object = {}) =>
    ask(
      client.send(
        new RunTaskCommand({ cluster: "main", taskDefinition: "migration", networkConfiguration, ...more }),
      ),
    );
  const list = async (input: object = {}) => {
    const { taskArns = [], nextToken } = await ask(
      client.send(new ListTasksCommand({ cluster: "main", ...input })),
    );
    return { taskArns, nextToken };
  };
  const refused = (name: string, message: string) => ({ name, message: expect.stringContaining(message) });

  it("pages tasks, with tokens for that question only and for a day", async () => {
    run = () => new Promise(() => {});
    await register();
    await runTask({ count: 3, startedBy: "one" });
    const first = await list({ maxResults: 2 });
    const second = await list({ maxResults: 2, nextToken: first.nextToken });
    expect(new Set([...first.taskArns, ...second.taskArns]).size).toBe(3);
    expect(second.nextToken).toBeUndefined();
    const { nextToken } = first;
    await expect(list({ nextToken, family: "migration" })).rejects.toMatchObject(
      refused("InvalidParameterException", "Invalid token"),
    );
    await expect(list({ maxResults: 101 })).rejects.toMatchObject({ name: "InvalidParameterException" });
    await clock.advance(24 * 3_600_000 + 1);
    await expect(list({ nextToken, maxResults: 2 })).rejects.toMatchObject(
      refused("InvalidParameterException", "expired"),
    );
  });

  it("lists tasks by family, by who started them or by what they are to be", async () => {
    run = () => new Promise(() => {});
    await register();
    const { tasks = [] } = await runTask({ startedBy: "me" });
    const taskArns = [tasks[0]?.taskArn];
    expect((await list({ family: "migration" })).taskArns).toEqual(taskArns);
    expect((await list({ family: "other" })).taskArns).toEqual([]);
    expect((await list({ startedBy: "me" })).taskArns).toEqual(taskArns);
    expect((await list({ desiredStatus: "STOPPED" })).taskArns).toEqual([]);
    await clock.advance(1_000);
    await ask(client.send(new StopTaskCommand({ cluster: "main", task: taskArns[0]?.split("/").at(-1) })));
    expect((await list()).taskArns).toEqual([]);
    expect((await list({ desiredStatus: "STOPPED" })).taskArns).toEqual(taskArns);
    await expect(list({ startedBy: "me", family: "migration" })).rejects.toMatchObject(
      refused("InvalidParameterException", "the only one"),
    );
  });

  it("forgets a task an hour after it stopped, and its client token with it", async () => {
    await register();
    const startOnce = async () => (await runTask({ clientToken: "once" })).tasks?.[0]?.taskArn ?? "";
    const arn = await startOnce();
    await clock.advance(1_000);
    expect(await startOnce()).toBe(arn);
    await clock.advance(3_600_000 + 1);
    expect(await look(arn)).toBeUndefined();
    expect(await startOnce()).not.toBe(arn);
  });

  it("stops a task whose image is still being pulled", async () => {
    run = () => new Promise(() => {});
    pull = () => sleep(clock, 30_000);
    await register();
    const { tasks } = await runTask();
    await ask(client.send(new StopTaskCommand({ cluster: "main", task: tasks?.[0]?.taskArn, reason: "no" })));
    await clock.advance(31_000);
    expect(await look(tasks?.[0]?.taskArn ?? "")).toMatchObject({
      stopCode: "UserInitiated",
      stoppedReason: "no",
    });
  });

  it("refuses what AWS refuses", async () => {
    await register();
    const invalid = (message: string) => refused("InvalidParameterException", message);
    await expect(runTask({ count: 11 })).rejects.toMatchObject(invalid("Count"));
    await expect(runTask({ startedBy: "a b" })).rejects.toMatchObject(invalid("startedBy"));
    await expect(runTask({ networkConfiguration: undefined })).rejects.toMatchObject(
      invalid("Network Configuration"),
    );
    await expect(runTask({ overrides: { containerOverrides: [{ name: "other" }] } })).rejects.toMatchObject(
      invalid("Override for container named other"),
    );
    await expect(
      ask(client.send(new DescribeTasksCommand({ cluster: "main", tasks: [] }))),
    ).rejects.toMatchObject(invalid("Tasks cannot be empty"));
    await expect(ask(client.send(new StopTaskCommand({ cluster: "main", task: "x" })))).rejects.toMatchObject(
      invalid("not found"),
    );
  });

  it("keeps the revisions of a family; one that is deregistered runs no more and can still be read", async () => {
    const [first, second] = [await register(), await register()];
    const definitions = async (input: object) =>
      (await ask(client.send(new ListTaskDefinitionsCommand(input)))).taskDefinitionArns;
    const families = async (input: object) =>
      (await ask(client.send(new ListTaskDefinitionFamiliesCommand(input)))).families;
    expect(await definitions({ familyPrefix: "migration", sort: "DESC" })).toEqual([second, first]);
    const { taskDefinition } = await ask(
      client.send(new DeregisterTaskDefinitionCommand({ taskDefinition: "migration:2" })),
    );
    expect(taskDefinition).toMatchObject({ status: "INACTIVE", deregisteredAt: expect.any(Date) });
    expect(await definitions({})).toEqual([first]);
    expect(await definitions({ status: "INACTIVE" })).toEqual([second]);
    expect((await runTask()).tasks?.[0]?.taskDefinitionArn).toBe(first);
    await expect(runTask({ taskDefinition: "migration:2" })).rejects.toMatchObject(
      refused("ClientException", "inactive"),
    );
    const described = await ask(
      client.send(new DescribeTaskDefinitionCommand({ taskDefinition: "migration:2" })),
    );
    expect(described.taskDefinition).toMatchObject({
      status: "INACTIVE",
      containerDefinitions: [{ name: "migration", essential: true, cpu: 0, portMappings: [] }],
    });
    await ask(client.send(new DeregisterTaskDefinitionCommand({ taskDefinition: "migration:1" })));
    expect(await families({ status: "ACTIVE" })).toEqual([]);
    expect(await families({ familyPrefix: "mig" })).toEqual(["migration"]);
    await expect(
      ask(client.send(new DeregisterTaskDefinitionCommand({ taskDefinition: "migration" }))),
    ).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it("deletes revisions that are deregistered, at most ten at once, and says of the others why not", async () => {
    const [first, second] = [await register(), await register()];
    const remove = (...taskDefinitions: string[]) =>
      ask(client.send(new DeleteTaskDefinitionsCommand({ taskDefinitions })));
    await ask(client.send(new DeregisterTaskDefinitionCommand({ taskDefinition: "migration:1" })));
    const { taskDefinitions, failures } = await remove("migration:1", "migration:2", "migration:3");
    expect(taskDefinitions).toMatchObject([
      { taskDefinitionArn: first, status: "DELETE_IN_PROGRESS", deleteRequestedAt: expect.any(Date) },
    ]);
    expect(failures).toMatchObject([
      { arn: "migration:2", reason: expect.stringContaining("still in ACTIVE status") },
      { arn: "migration:3", reason: expect.stringContaining("does not exist") },
    ]);
    const list = async (status: TaskDefinitionStatus) =>
      (await ask(client.send(new ListTaskDefinitionsCommand({ status })))).taskDefinitionArns;
    expect(await list("ACTIVE")).toEqual([second]);
    expect(await list("INACTIVE")).toEqual([]);
    expect(await list("DELETE_IN_PROGRESS")).toEqual([first]);
    await expect(runTask({ taskDefinition: "migration:1" })).rejects.toMatchObject(
      refused("ClientException", "inactive"),
    );
    await expect(remove(...Array.from({ length: 11 }, () => "migration:1"))).rejects.toMatchObject({
      name: "InvalidParameterException",
    });
    expect(await register()).toBe(first?.replace(/1$/, "3"));
  });
});
