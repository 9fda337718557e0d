import * as ecs from "@aws-sdk/client-ecs";
import type { ContainerRunner, RunningContainer } from "../containers.ts";
import type { LogSink } from "../logs.ts";
import { AwsError, type Operation, type Service } from "../service.ts";
import { arn, uuid, type World } from "../world.ts";

interface RunningTask {
  readonly task: ecs.Task & { containers: ecs.Container[] };
  readonly family: string;
  readonly clientToken: string | undefined;
  readonly request: string;
  container: RunningContainer | undefined;
  stopReason: string | undefined;
}

const defaultStopMilliseconds = 30_000;

/** Elastic Container Service: task definitions and one-off tasks of one container, with AWS's odd ends. */
export function createEcs(
  world: World,
  deps: {
    readonly containers: ContainerRunner;
    readonly logs: LogSink;
    readonly resolveSecret: (reference: string) => string;
  },
): Service & { stop(): Promise<void> } {
  const { clock } = world;
  const clusters = new Map<string, ecs.Cluster>();
  const families = new Map<string, ecs.TaskDefinition[]>();
  const tasks = new Map<string, RunningTask>();

  const clusterNamed = (name = "default"): ecs.Cluster => {
    const found = clusters.get(name.split("/").at(-1) ?? "");
    if (found !== undefined) return found;
    throw new AwsError("ClusterNotFoundException", "Cluster not found.");
  };

  const definitionOf = (reference = ""): ecs.TaskDefinition => {
    const [family = "", revision] = (reference.split("task-definition/").at(-1) ?? "").split(":");
    const active = (families.get(family) ?? []).filter(({ status }) => status === "ACTIVE");
    const found =
      revision === undefined ? active.at(-1) : active.find((one) => String(one.revision) === revision);
    if (found !== undefined) return found;
    throw new AwsError("ClientException", `Unable to describe task definition: ${reference}.`);
  };

  const CreateCluster: Operation<ecs.CreateClusterCommandInput, ecs.CreateClusterCommandOutput> = (input) => {
    const name = input.clusterName ?? "default";
    const cluster = clusters.get(name) ?? {
      clusterName: name,
      clusterArn: arn(world, "ecs", `cluster/${name}`),
      status: "ACTIVE",
    };
    clusters.set(name, cluster);
    return { cluster };
  };

  const DescribeClusters: Operation<ecs.DescribeClustersCommandInput, ecs.DescribeClustersCommandOutput> = (
    input,
  ) => {
    const wanted = (input.clusters ?? ["default"]).map((name) => ({
      name,
      found: clusters.get(name.split("/").at(-1) ?? ""),
    }));
    return {
      clusters: wanted.flatMap(({ found }) => found ?? []),
      failures: wanted
        .filter(({ found }) => found === undefined)
        .map(({ name }) => ({ arn: arn(world, "ecs", `cluster/${name}`), reason: "MISSING" })),
    };
  };

  const RegisterTaskDefinition: Operation<
    ecs.RegisterTaskDefinitionCommandInput,
    ecs.RegisterTaskDefinitionCommandOutput
  > = (input) => {
    checkDefinition(input);
    const family = input.family ?? "";
    const revisions = families.get(family) ?? [];
    const revision = revisions.length + 1;
    const taskDefinition: ecs.TaskDefinition = {
      ...input,
      revision,
      taskDefinitionArn: arn(world, "ecs", `task-definition/${family}:${revision}`),
      status: "ACTIVE",
      registeredAt: new Date(clock.now()),
    };
    families.set(family, [...revisions, taskDefinition]);
    return { taskDefinition };
  };

  const DescribeTaskDefinition: Operation<
    ecs.DescribeTaskDefinitionCommandInput,
    ecs.DescribeTaskDefinitionCommandOutput
  > = (input) => ({ taskDefinition: definitionOf(input.taskDefinition) });

  const RunTask: Operation<ecs.RunTaskCommandInput, ecs.RunTaskCommandOutput> = (input) => {
    const cluster = clusterNamed(input.cluster);
    const definition = definitionOf(input.taskDefinition);
    const request = JSON.stringify(input);
    const same =
      input.clientToken === undefined
        ? undefined
        : [...tasks.values()].find(
            (one) => one.clientToken === input.clientToken && one.task.clusterArn === cluster.clusterArn,
          );
    if (same !== undefined) {
      if (same.request !== request)
        throw new AwsError("ConflictException", "The clientToken was used with other parameters.", {
          members: { resourceIds: [same.task.taskArn] },
        });
      return { tasks: [copy(same.task)], failures: [] };
    }
    const running = makeTask(input, cluster, definition, request);
    tasks.set(running.task.taskArn ?? "", running);
    void live(running, definition, input.overrides);
    return { tasks: [copy(running.task)], failures: [] };
  };

  function makeTask(
    input: ecs.RunTaskCommandInput,
    cluster: ecs.Cluster,
    definition: ecs.TaskDefinition,
    request: string,
  ): RunningTask {
    const id = uuid(world.random).replaceAll("-", "");
    const taskArn = arn(world, "ecs", `task/${cluster.clusterName}/${id}`);
    const task = {
      taskArn,
      clusterArn: cluster.clusterArn,
      taskDefinitionArn: definition.taskDefinitionArn,
      group: `family:${definition.family}`,
      lastStatus: "PROVISIONING",
      desiredStatus: "RUNNING",
      launchType: input.launchType ?? "FARGATE",
      ...(input.startedBy === undefined ? {} : { startedBy: input.startedBy }),
      createdAt: new Date(clock.now()),
      version: 1,
      cpu: definition.cpu,
      memory: definition.memory,
      overrides: input.overrides ?? {},
      containers: (definition.containerDefinitions ?? []).map(({ name, image }) => ({
        containerArn: arn(world, "ecs", `container/${cluster.clusterName}/${id}/${name}`),
        taskArn,
        name,
        image,
        lastStatus: "PENDING",
        ...(image?.includes("@") ? { imageDigest: image.split("@")[1] } : {}),
      })),
    };
    return {
      task,
      family: definition.family ?? "",
      clientToken: input.clientToken,
      request,
      container: undefined,
      stopReason: undefined,
    };
  }

  /** A task's whole life, told step by step. */
  async function live(
    running: RunningTask,
    definition: ecs.TaskDefinition,
    overrides: ecs.TaskOverride | undefined,
  ): Promise<void> {
    const { task } = running;
    const [spec] = definition.containerDefinitions ?? [];
    const [container] = task.containers;
    if (spec === undefined || container === undefined) return;
    await Promise.resolve();
    change(running, "PENDING", { pullStartedAt: new Date(clock.now()) });
    try {
      const override = overrides?.containerOverrides?.find(({ name }) => name === spec.name);
      running.container = await deps.containers.start({
        image: spec.image ?? "",
        ...(spec.entryPoint === undefined ? {} : { entryPoint: spec.entryPoint }),
        ...((override?.command ?? spec.command) === undefined
          ? {}
          : { command: override?.command ?? spec.command ?? [] }),
        environment: environmentOf(spec, override),
        onLine: logTo(spec, task.taskArn),
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return end(running, { stopCode: "TaskFailedToStart", stoppedReason: reason }, { reason });
    }
    container.lastStatus = "RUNNING";
    change(running, "RUNNING", { pullStoppedAt: new Date(clock.now()), startedAt: new Date(clock.now()) });
    if (running.stopReason !== undefined) void running.container.stop(stopMilliseconds(spec));
    const { exitCode } = await running.container.exited;
    const stopped = running.stopReason;
    end(
      running,
      stopped === undefined
        ? { stopCode: "EssentialContainerExited", stoppedReason: "Essential container in task exited" }
        : { stopCode: "UserInitiated", stoppedReason: stopped },
      { exitCode: exitCode ?? 137 },
    );
  }

  function end(
    running: RunningTask,
    how: { stopCode: ecs.TaskStopCode; stoppedReason: string },
    ended: Partial<ecs.Container>,
  ): void {
    running.task.desiredStatus = "STOPPED";
    change(running, "DEPROVISIONING", { ...how, stoppingAt: new Date(clock.now()) });
    for (const container of running.task.containers)
      Object.assign(container, { lastStatus: "STOPPED" }, ended);
    change(running, "STOPPED", {
      stoppedAt: new Date(clock.now()),
      executionStoppedAt: new Date(clock.now()),
    });
  }

  function change(running: RunningTask, lastStatus: string, members: Partial<ecs.Task>): void {
    const { task } = running;
    Object.assign(task, members, { lastStatus, version: (task.version ?? 0) + 1 });
    world.emit({
      source: "aws.ecs",
      "detail-type": "ECS Task State Change",
      resources: [task.taskArn ?? ""],
      // An event carries times as text, and the task as it was when it was told.
      detail: { ...JSON.parse(JSON.stringify(task)), updatedAt: new Date(clock.now()).toISOString() },
    });
  }

  function environmentOf(
    spec: ecs.ContainerDefinition,
    override: ecs.ContainerOverride | undefined,
  ): Record<string, string> {
    const plain = [...(spec.environment ?? []), ...(override?.environment ?? [])].map(
      ({ name = "", value = "" }) => [name, value],
    );
    const secret = (spec.secrets ?? []).map(({ name = "", valueFrom = "" }) => [
      name,
      deps.resolveSecret(valueFrom),
    ]);
    return {
      AWS_REGION: world.region,
      AWS_DEFAULT_REGION: world.region,
      ...Object.fromEntries(plain),
      ...Object.fromEntries(secret),
    };
  }

  function logTo({ name, logConfiguration }: ecs.ContainerDefinition, taskArn = ""): (line: string) => void {
    const options = logConfiguration?.logDriver === "awslogs" ? logConfiguration.options : undefined;
    const group = options?.["awslogs-group"];
    if (group === undefined) return () => {};
    return (line) =>
      deps.logs.write(
        group,
        `${options?.["awslogs-stream-prefix"]}/${name}/${taskArn.split("/").at(-1)}`,
        line,
      );
  }

  const DescribeTasks: Operation<ecs.DescribeTasksCommandInput, ecs.DescribeTasksCommandOutput> = (input) => {
    const cluster = clusterNamed(input.cluster);
    const wanted = (input.tasks ?? []).map((reference) =>
      reference.startsWith("arn:")
        ? reference
        : arn(world, "ecs", `task/${cluster.clusterName}/${reference}`),
    );
    return {
      tasks: wanted.flatMap((one) => (tasks.has(one) ? [copy(tasks.get(one)?.task ?? {})] : [])),
      failures: wanted.filter((one) => !tasks.has(one)).map((one) => ({ arn: one, reason: "MISSING" })),
    };
  };

  const ListTasks: Operation<ecs.ListTasksCommandInput, ecs.ListTasksCommandOutput> = (input) => {
    const { clusterArn } = clusterNamed(input.cluster);
    const desired = input.desiredStatus ?? "RUNNING";
    const matches = ({ task, family }: RunningTask) =>
      task.clusterArn === clusterArn &&
      task.desiredStatus === desired &&
      (input.startedBy === undefined || task.startedBy === input.startedBy) &&
      (input.family === undefined || family === input.family);
    return { taskArns: [...tasks.values()].filter(matches).flatMap(({ task }) => task.taskArn ?? []) };
  };

  const StopTask: Operation<ecs.StopTaskCommandInput, ecs.StopTaskCommandOutput> = (input) => {
    const { clusterName } = clusterNamed(input.cluster);
    const reference = input.task ?? "";
    const running = tasks.get(
      reference.startsWith("arn:") ? reference : arn(world, "ecs", `task/${clusterName}/${reference}`),
    );
    if (running === undefined)
      throw new AwsError("InvalidParameterException", "The referenced task was not found.");
    if (running.task.lastStatus !== "STOPPED") {
      running.stopReason = input.reason ?? "Task stopped by user";
      running.task.desiredStatus = "STOPPED";
      const [spec] = definitionOf(running.task.taskDefinitionArn).containerDefinitions ?? [];
      void running.container?.stop(stopMilliseconds(spec));
    }
    return { task: copy(running.task) };
  };

  return {
    target: "AmazonEC2ContainerServiceV20141113",
    protocol: "json1.1",
    schemas: ecs,
    operations: {
      CreateCluster,
      DescribeClusters,
      RegisterTaskDefinition,
      DescribeTaskDefinition,
      RunTask,
      DescribeTasks,
      ListTasks,
      StopTask,
    },
    async stop() {
      await Promise.all([...tasks.values()].map(({ container }) => container?.stop(2_000)));
    },
  };
}

function checkDefinition(input: ecs.RegisterTaskDefinitionCommandInput): void {
  const refuse = (message: string): never => {
    throw new AwsError("ClientException", message);
  };
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(input.family ?? "")) refuse("Family contains invalid characters.");
  if ((input.containerDefinitions ?? []).length !== 1)
    refuse("Here a task runs exactly one container; give one container definition.");
  for (const { name, image } of input.containerDefinitions ?? [])
    if (name === undefined || image === undefined)
      refuse("Container.image and Container.name should not be null or empty.");
  if (
    input.requiresCompatibilities?.includes("FARGATE") &&
    (input.cpu === undefined || input.memory === undefined)
  )
    refuse("Fargate requires that 'cpu' and 'memory' be defined at the task level.");
}

function stopMilliseconds(spec: ecs.ContainerDefinition | undefined): number {
  return spec?.stopTimeout === undefined ? defaultStopMilliseconds : spec.stopTimeout * 1000;
}

function copy(task: ecs.Task): ecs.Task {
  return structuredClone(task);
}
