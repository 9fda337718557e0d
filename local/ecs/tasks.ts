import type * as ecs from "@aws-sdk/client-ecs";
import { copyOf } from "../copy.ts";
import { AwsError, type Operation } from "../service.ts";
import { arn, type World } from "../world.ts";
import { ClientTokens } from "./client-tokens.ts";
import type { Clusters, TaskCounts } from "./clusters.ts";
import { type EcsPaginate, sizeOf } from "./pages.ts";
import { keptTasks, makeTask, RunningTask, type TaskServices } from "./running-task.ts";
import type { TaskDefinitions } from "./task-definitions.ts";

/** How long a stopped task can still be described. */
const STOPPED_KEPT_MILLISECONDS = 3_600_000;
const MOST_TASKS = 10;
const MOST_DESCRIBED = 100;
const LARGEST_OVERRIDES_CHARACTERS = 8192;

/** What the tasks work with. */
export interface TasksOptions {
  readonly clusters: Clusters;
  readonly definitions: TaskDefinitions;
  readonly paginate: EcsPaginate;
  readonly services: TaskServices;
}

/** The tasks: run once each, listed, described, stopped. Throws AwsError under AWS's names. */
export class Tasks {
  readonly #world: World;
  readonly #options: TasksOptions;
  readonly #tasks = new Map<string, RunningTask>();
  readonly #clientTokens: ClientTokens;

  constructor(world: World, options: TasksOptions) {
    this.#world = world;
    this.#options = options;
    this.#clientTokens = new ClientTokens(world.clock);
    for (const [taskArn, kept] of keptTasks(world).entries())
      this.#tasks.set(taskArn, new RunningTask(world, options.services, kept));
  }

  /** Ends the tasks that an earlier process left running. @returns their ARNs. */
  endLost(): string[] {
    const lost = [...this.#tasks.values()].filter(({ isStopped }) => !isStopped);
    for (const running of lost) running.lose();
    return lost.map(({ task }) => task.taskArn);
  }

  operations() {
    return {
      RunTask: this.#run,
      DescribeTasks: this.#describe,
      ListTasks: this.#list,
      StopTask: this.#stop,
    };
  }

  counts(clusterArn: string): TaskCounts {
    const here = [...this.#tasks.values()].filter(({ task }) => task.clusterArn === clusterArn);
    const running = here.filter(({ task }) => task.lastStatus === "RUNNING");
    const pending = here.filter(({ task }) => ["PROVISIONING", "PENDING"].includes(task.lastStatus ?? ""));
    return { runningTasksCount: running.length, pendingTasksCount: pending.length };
  }

  /** Ends every process. */
  async end(): Promise<void> {
    await Promise.all([...this.#tasks.values()].map((running) => running.kill(2_000)));
  }

  readonly #run: Operation<ecs.RunTaskCommandInput, ecs.RunTaskCommandOutput> = (input) => {
    const cluster = this.#options.clusters.named(input.cluster);
    const definition = this.#options.definitions.runnable(input.taskDefinition);
    const earlier = this.#clientTokens.earlier(cluster.clusterArn, input);
    if (earlier) return { tasks: earlier.map(recalled), failures: [] };
    checkRun(input, definition);
    const started = Array.from(
      { length: input.count ?? 1 },
      () =>
        new RunningTask(
          this.#world,
          this.#options.services,
          makeTask(this.#world, { input, cluster, definition }),
        ),
    );
    this.#clientTokens.note(cluster.clusterArn, input, started);
    for (const running of started) {
      this.#tasks.set(running.task.taskArn, running);
      running.keep();
      void running.live();
    }
    return { tasks: started.map((running) => shown(running, true)), failures: [] };
  };

  readonly #describe: Operation<ecs.DescribeTasksCommandInput, ecs.DescribeTasksCommandOutput> = (input) => {
    const { clusterName } = this.#options.clusters.named(input.cluster);
    const references = input.tasks ?? [];
    if (references.length === 0) throw invalid("Tasks cannot be empty.");
    if (references.length > MOST_DESCRIBED) throw invalid(`Give ${MOST_DESCRIBED} tasks at most.`);
    const wanted = references.map((reference) => this.#arnOf(clusterName, reference));
    const withTags = input.include?.includes("TAGS") ?? false;
    return {
      tasks: wanted.flatMap((one) => {
        const found = this.#find(one);
        return found === undefined ? [] : [shown(found, withTags)];
      }),
      failures: wanted
        .filter((one) => this.#find(one) === undefined)
        .map((one) => ({ arn: one, reason: "MISSING" })),
    };
  };

  readonly #list: Operation<ecs.ListTasksCommandInput, ecs.ListTasksCommandOutput> = (input) => {
    const { cluster, maxResults, nextToken, ...filters } = input;
    const { clusterArn } = this.#options.clusters.named(cluster);
    const { startedBy, family, launchType, desiredStatus = "RUNNING" } = filters;
    checkFilters(filters);
    const found = [...this.#tasks.values()].filter(
      ({ task, family: ofFamily }) =>
        task.clusterArn === clusterArn &&
        this.#find(task.taskArn) !== undefined &&
        task.desiredStatus === desiredStatus &&
        (startedBy === undefined || task.startedBy === startedBy) &&
        (family === undefined || ofFamily === family) &&
        (launchType === undefined || task.launchType === launchType),
    );
    const page = this.#options.paginate(found, {
      of: ["ListTasks", clusterArn, filters],
      key: ({ task }) => task.taskArn,
      size: sizeOf(maxResults),
      token: nextToken,
    });
    return { taskArns: page.items.map(({ task }) => task.taskArn), nextToken: page.nextToken };
  };

  readonly #stop: Operation<ecs.StopTaskCommandInput, ecs.StopTaskCommandOutput> = (input) => {
    const { clusterName } = this.#options.clusters.named(input.cluster);
    const running = this.#find(this.#arnOf(clusterName, input.task ?? ""));
    if (running === undefined) throw invalid("The referenced task was not found.");
    running.stop(input.reason ?? "Task stopped by user");
    return { task: shown(running, true) };
  };

  #find(taskArn: string): RunningTask | undefined {
    const found = this.#tasks.get(taskArn);
    const stoppedAt = found?.task.stoppedAt?.getTime();
    if (stoppedAt === undefined || this.#world.clock.now() - stoppedAt <= STOPPED_KEPT_MILLISECONDS)
      return found;
    this.#tasks.delete(taskArn);
    keptTasks(this.#world).delete(taskArn);
    return undefined;
  }

  #arnOf(clusterName: string, reference: string): string {
    if (!reference.startsWith("arn:")) return arn(this.#world, "ecs", `task/${clusterName}/${reference}`);
    if (!reference.includes(`:task/${clusterName}/`)) throw invalid("Unexpected cluster in the task's ARN.");
    return reference;
  }
}

function checkRun(input: ecs.RunTaskCommandInput, definition: ecs.TaskDefinition): void {
  const { count = 1, startedBy = "", overrides } = input;
  if (!Number.isInteger(count) || count < 1 || count > MOST_TASKS)
    throw invalid(`Count must be between 1 and ${MOST_TASKS}; it is ${count}.`);
  if (!/^[A-Za-z0-9/_-]{0,128}$/.test(startedBy))
    throw invalid("startedBy has up to 128 letters, numbers, hyphens, slashes and underscores.");
  if (definition.networkMode === "awsvpc" && input.networkConfiguration?.awsvpcConfiguration === undefined)
    throw invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  if (JSON.stringify(overrides ?? {}).length > LARGEST_OVERRIDES_CHARACTERS)
    throw invalid(`The overrides have ${LARGEST_OVERRIDES_CHARACTERS} characters at most.`);
  const names = definition.containerDefinitions?.map(({ name }) => name) ?? [];
  for (const { name } of overrides?.containerOverrides ?? []) {
    if (!names.includes(name))
      throw invalid(`Override for container named ${name} is not a container in the TaskDefinition.`);
  }
}

/** A task is listed by who started it, or by what it is; the API does not take both. */
function checkFilters(filters: ecs.ListTasksCommandInput): void {
  const { startedBy, family, serviceName, containerInstance, launchType } = filters;
  const others = [family, serviceName, containerInstance, launchType].filter((one) => one !== undefined);
  if (startedBy !== undefined && others.length > 0)
    throw invalid("When startedBy is a filter, it must be the only one.");
  if (serviceName !== undefined) throw new AwsError("ServiceNotFoundException", "Service not found.");
  if (containerInstance !== undefined)
    throw invalid("The local AWS has no container instances: every task runs on this machine.");
}

function shown({ task, tags }: RunningTask, withTags: boolean): ecs.Task {
  return copyOf({ ...task, ...(withTags ? { tags } : {}) });
}

/** As in AWS, a repeated RunTask tells little about a task that has stopped. */
function recalled(running: RunningTask): ecs.Task {
  const { taskArn, lastStatus, desiredStatus } = running.task;
  return running.isStopped ? { taskArn, lastStatus, desiredStatus } : shown(running, true);
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterException", message);
}
