import type * as ecs from "@aws-sdk/client-ecs";
import type { ContainerRunner, RunningContainer } from "../containers.ts";
import { pullDemands } from "../iam/demands/ecr.ts";
import { authorizeRole, type RoleSession } from "../iam/index.ts";
import { mayWriteLog } from "../iam/log-writing.ts";
import { credentialVariables } from "../iam/process-credentials.ts";
import type { LogSink } from "../logs.ts";
import type { ResolveSecret } from "../secrets-manager.ts";
import { AwsError } from "../service.ts";
import { type Kept, keptIn } from "../store.ts";
import { arn, uuid, type World } from "../world.ts";

const DEFAULT_STOP_MILLISECONDS = 30_000;

/** What a task needs of the rest of the local AWS. */
export interface TaskServices {
  readonly containers: ContainerRunner;
  readonly logs: LogSink;
  /** The value of a secret's ARN, with a key of it or without. */
  readonly resolveSecret: ResolveSecret;
}

/** What a task is made of. */
export interface TaskRequest {
  readonly input: ecs.RunTaskCommandInput;
  readonly cluster: { readonly clusterName: string; readonly clusterArn: string };
  readonly definition: ecs.TaskDefinition;
}

/** A task as it is kept. */
export interface KeptTask {
  readonly task: ecs.Task & { readonly taskArn: string; containers: ecs.Container[] };
  readonly family: string;
  readonly tags: ecs.Tag[];
  readonly spec: ecs.ContainerDefinition;
  readonly overrides: ecs.ContainerOverride | undefined;
  /** What ECS may do to start it, and what it may do itself. */
  readonly executionRoleArn?: string | undefined;
  readonly taskRoleArn?: string | undefined;
}

/** The tasks that are kept in a world, by their ARN. */
export function keptTasks(world: World): Kept<KeptTask> {
  return keptIn(world, "ecs/tasks");
}

/** Makes a task that is about to be run. */
export function makeTask(world: World, request: TaskRequest): KeptTask {
  const { input, definition } = request;
  const spec = definition.containerDefinitions?.[0] ?? {};
  return {
    task: describeTask(world, request),
    family: definition.family ?? "",
    tags: input.tags ?? [],
    spec,
    overrides: input.overrides?.containerOverrides?.find(({ name }) => name === spec.name),
    executionRoleArn: input.overrides?.executionRoleArn ?? definition.executionRoleArn,
    taskRoleArn: input.overrides?.taskRoleArn ?? definition.taskRoleArn,
  };
}

/** A task of one container, from PROVISIONING to STOPPED; each step is told to EventBridge. */
export class RunningTask {
  readonly task: KeptTask["task"];
  readonly family: string;
  readonly tags: ecs.Tag[];
  readonly #world: World;
  readonly #services: TaskServices;
  readonly #made: KeptTask;
  readonly #spec: ecs.ContainerDefinition;
  readonly #overrides: ecs.ContainerOverride | undefined;
  #container: RunningContainer | undefined;
  #stopReason: string | undefined;

  constructor(world: World, services: TaskServices, made: KeptTask) {
    this.#world = world;
    this.#services = services;
    this.#made = made;
    this.#spec = made.spec;
    this.#overrides = made.overrides;
    this.family = made.family;
    this.tags = made.tags;
    this.task = made.task;
  }

  /** To be called when it is made, and after each change that is not told. */
  keep(): void {
    keptTasks(this.#world).put(this.task.taskArn, this.#made);
  }

  /** Ends it when its process is gone, because the local AWS was ended under it. Nobody knows an exit code. */
  lose(): void {
    const stoppedReason = "The local AWS was ended while the task ran, and the task with it.";
    this.#end({ stopCode: "TerminationNotice", stoppedReason }, { reason: stoppedReason });
  }

  get isStopped(): boolean {
    return this.task.lastStatus === "STOPPED";
  }

  /** Runs to its end. */
  async live(): Promise<void> {
    const { task } = this;
    const now = () => new Date(this.#world.clock.now());
    await Promise.resolve();
    this.#change("PENDING", { pullStartedAt: now() });
    if (this.#stopReason !== undefined) return this.#end(userInitiated(this.#stopReason), {});
    try {
      this.#container = await this.#start();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.#end({ stopCode: "TaskFailedToStart", stoppedReason: reason }, { reason });
    }
    for (const container of task.containers) container.lastStatus = "RUNNING";
    this.#change("RUNNING", {
      pullStoppedAt: now(),
      startedAt: now(),
      connectivity: "CONNECTED",
      connectivityAt: now(),
    });
    if (this.#stopReason !== undefined) void this.#container.stop(this.#stopMilliseconds);
    const { exitCode } = await this.#container.exited;
    this.#end(
      this.#stopReason === undefined
        ? { stopCode: "EssentialContainerExited", stoppedReason: "Essential container in task exited" }
        : userInitiated(this.#stopReason),
      { exitCode: exitCode ?? 137 },
    );
  }

  /** As StopTask does: SIGTERM, and SIGKILL after the container's stopTimeout. */
  stop(reason: string): void {
    if (this.isStopped || this.#stopReason !== undefined) return;
    this.#stopReason = reason;
    this.task.desiredStatus = "STOPPED";
    this.keep();
    void this.#container?.stop(this.#stopMilliseconds);
  }

  /** Ends the process, without telling anybody: the service is going away. */
  async kill(graceMilliseconds: number): Promise<void> {
    await this.#container?.stop(graceMilliseconds);
  }

  get #stopMilliseconds(): number {
    const { stopTimeout } = this.#spec;
    return stopTimeout === undefined ? DEFAULT_STOP_MILLISECONDS : stopTimeout * 1000;
  }

  async #start(): Promise<RunningContainer> {
    const { image = "", entryPoint, command } = this.#spec;
    const environment = this.#prepare(image);
    const words = this.#overrides?.command ?? command;
    return this.#services.containers.start({
      image,
      ...(entryPoint === undefined ? {} : { entryPoint }),
      ...(words === undefined ? {} : { command: words }),
      environment,
      onLine: this.#log(),
    });
  }

  /** What ECS does before there is a container. @returns its environment. @throws Error in the words of ECS. */
  #prepare(image: string): Record<string, string> {
    const prefix = "ResourceInitializationError: unable to pull secrets or registry auth:";
    try {
      authorizeRole(this.#world, this.#execution, pullDemands(image));
      return this.#environment();
    } catch (error) {
      throw error instanceof AwsError ? new Error(`${prefix} ${error.name}: ${error.message}`) : error;
    }
  }

  /** As what ECS acts for it. */
  get #execution(): RoleSession {
    return { roleArn: this.#made.executionRoleArn, sessionName: this.task.taskArn.split("/").at(-1) ?? "" };
  }

  #end(
    how: { readonly stopCode: ecs.TaskStopCode; readonly stoppedReason: string },
    ended: Partial<ecs.Container>,
  ): void {
    const { task } = this;
    const now = () => new Date(this.#world.clock.now());
    task.desiredStatus = "STOPPED";
    this.#change("DEPROVISIONING", { ...how, stoppingAt: now() });
    for (const container of task.containers) Object.assign(container, { lastStatus: "STOPPED" }, ended);
    this.#change("STOPPED", { stoppedAt: now(), executionStoppedAt: now() });
  }

  #change(lastStatus: string, members: Partial<ecs.Task>): void {
    const { task } = this;
    Object.assign(task, members, { lastStatus, version: (task.version ?? 0) + 1 });
    this.keep();
    this.#world.emit({
      source: "aws.ecs",
      "detail-type": "ECS Task State Change",
      resources: [task.taskArn],
      // An event carries times as text, and the task as it was when it was told.
      detail: {
        ...JSON.parse(JSON.stringify(task)),
        updatedAt: new Date(this.#world.clock.now()).toISOString(),
      },
    });
  }

  #environment(): Record<string, string> {
    const { region } = this.#world;
    const plain = [...(this.#spec.environment ?? []), ...(this.#overrides?.environment ?? [])].map(
      ({ name = "", value = "" }) => [name, value],
    );
    const secret = (this.#spec.secrets ?? []).map(({ name = "", valueFrom = "" }) => [
      name,
      this.#services.resolveSecret(valueFrom, this.#execution),
    ]);
    return {
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      ...this.#credentials(),
      ...Object.fromEntries(plain),
      ...Object.fromEntries(secret),
    };
  }

  /** A task without a role knows nothing of AWS. */
  #credentials(): Record<string, string> {
    const { taskRoleArn: roleArn } = this.#made;
    if (roleArn === undefined || this.#world.iam === undefined) return {};
    const { sessionName } = this.#execution;
    return {
      AWS_ENDPOINT_URL: this.#world.endpoint(),
      ...credentialVariables(this.#world, { roleArn, sessionName }),
    };
  }

  #log(): (line: string) => void {
    const { name, logConfiguration } = this.#spec;
    const options = logConfiguration?.logDriver === "awslogs" ? logConfiguration.options : undefined;
    const group = options?.["awslogs-group"];
    if (group === undefined) return () => {};
    const stream = `${options?.["awslogs-stream-prefix"]}/${name}/${this.task.taskArn.split("/").at(-1)}`;
    const mayLog = mayWriteLog(this.#world, this.#execution, group, stream);
    return (line) => {
      if (mayLog) this.#services.logs.write(group, stream, line);
    };
  }
}

function userInitiated(stoppedReason: string) {
  return { stopCode: "UserInitiated", stoppedReason } as const;
}

function describeTask(world: World, { input, cluster, definition }: TaskRequest) {
  const id = uuid(world.random).replaceAll("-", "");
  const taskArn = arn(world, "ecs", `task/${cluster.clusterName}/${id}`);
  return {
    taskArn,
    clusterArn: cluster.clusterArn,
    taskDefinitionArn: definition.taskDefinitionArn,
    group: input.group ?? `family:${definition.family}`,
    lastStatus: "PROVISIONING",
    desiredStatus: "RUNNING",
    launchType: input.launchType ?? "FARGATE",
    platformVersion: "1.4.0",
    platformFamily: "Linux",
    ...(input.startedBy === undefined ? {} : { startedBy: input.startedBy }),
    createdAt: new Date(world.clock.now()),
    version: 1,
    cpu: input.overrides?.cpu ?? definition.cpu,
    memory: input.overrides?.memory ?? definition.memory,
    overrides: { containerOverrides: [], inferenceAcceleratorOverrides: [], ...input.overrides },
    containers: (definition.containerDefinitions ?? []).map(({ name, image }) => ({
      containerArn: arn(world, "ecs", `container/${cluster.clusterName}/${id}/${uuid(world.random)}`),
      taskArn,
      name,
      image,
      lastStatus: "PENDING",
      ...(image?.includes("@") ? { imageDigest: image.split("@")[1] } : {}),
    })),
  };
}
