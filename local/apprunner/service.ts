import * as apprunner from "@aws-sdk/client-apprunner";
import { sleep } from "../asl/clock.ts";
import type { MetricSink } from "../cloudwatch.ts";
import { accessDemands } from "../iam/demands/ecr.ts";
import { authorizeRole } from "../iam/index.ts";
import { credentialVariables } from "../iam/process-credentials.ts";
import type { LogSink } from "../logs.ts";
import { createPaginator } from "../pagination.ts";
import type { ResolveSecret } from "../secrets-manager.ts";
import { AwsError, type Operation, type Service } from "../service.ts";
import { keptIn } from "../store.ts";
import { arn, uuid, type World } from "../world.ts";
import { createAnnouncements } from "./announcements.ts";
import type { Front, FrontDesk } from "./front.ts";
import type { Instance, Instances } from "./instance.ts";
import { describe, type KeptService, type RunnerService, summarise } from "./runner-service.ts";
import { healthCheckOf, readSettings, type Settings, settingsOf } from "./settings.ts";

/** What became of the services of an earlier process. */
export interface RestoredServices {
  /** Names of those that serve again. */
  readonly serving: readonly string[];
  /** Names of those whose image does not become healthy now; it is tried again and again, as App Runner does. */
  readonly ailing: readonly string[];
  /** How many operations go on. */
  readonly operations: number;
}

/** App Runner, with the doors that the local AWS uses in process. */
export interface AppRunner extends Service {
  /** Opens the addresses of the services that an earlier process kept. To be called once, before anything else. */
  restore(): Promise<void>;
  /** Starts their instances again, with what was live, and carries on the operations that were under way. */
  resume(): Promise<RestoredServices>;
  stop(): Promise<void>;
}

/** An instance that served this long did not die of how it was started: the next pause is short again. */
const STEADY_MILLISECONDS = 60_000;
const LONGEST_PAUSE_MILLISECONDS = 60_000;

/** App Runner: supervised instances behind a stable address, health-checked, rolled back by itself. */
export function createAppRunner(
  world: World,
  deps: {
    readonly instances: Instances;
    readonly frontDesk: FrontDesk;
    readonly logs: LogSink;
    readonly metrics: MetricSink;
    readonly resolveSecret: ResolveSecret;
  },
): AppRunner {
  const { clock } = world;
  const paginate = createPaginator(
    clock,
    () =>
      new AwsError("InvalidRequestException", "NextToken is not valid: it was not given for this request."),
  );
  const announce = createAnnouncements(world);
  const kept = keptIn<KeptService>(world, "apprunner/services");
  const services = new Map<string, RunnerService>();
  let stopping = false;

  const find = (serviceArn: string | undefined): RunnerService => {
    const found = services.get(serviceArn ?? "");
    if (found !== undefined) return found;
    throw new AwsError("ResourceNotFoundException", `Service cannot be found for resource: ${serviceArn}`);
  };

  const write = (service: RunnerService, log: "service" | "application", stream: string, line: string) =>
    deps.logs.write(`/aws/apprunner/${service.name}/${service.id}/${log}`, stream, line);
  const log = (service: RunnerService, line: string) => write(service, "service", "events", line);

  /** What App Runner counts of each request. */
  const counter =
    ({ name, id }: Pick<RunnerService, "name" | "id">) =>
    (status: number) => {
      const dimensions = { ServiceName: name, ServiceID: id };
      deps.metrics.count("AWS/AppRunner", "Requests", dimensions, 1);
      const counted = `${Math.floor(status / 100)}xxStatusResponses`;
      if (status >= 200) deps.metrics.count("AWS/AppRunner", counted, dimensions, 1);
    };

  function keep({ front, instance: _, ...service }: RunnerService): void {
    kept.put(service.arn, { ...service, url: front.url });
  }

  function setStatus(service: RunnerService, status: apprunner.ServiceStatus): void {
    const before = service.status;
    service.status = status;
    service.updatedAt = clock.now();
    keep(service);
    if (before !== status) announce.status(service, before);
  }

  /** The environment of an instance; secrets are resolved here, by the platform. */
  function environmentOf(name: string, { source, instanceConfiguration }: Settings): Record<string, string> {
    const image = source.ImageRepository?.ImageConfiguration;
    const as = { roleArn: instanceConfiguration.InstanceRoleArn, sessionName: name };
    const secrets = Object.entries(image?.RuntimeEnvironmentSecrets ?? {}).map(([name, reference]) => [
      name,
      deps.resolveSecret(reference, as),
    ]);
    return {
      AWS_REGION: world.region,
      AWS_DEFAULT_REGION: world.region,
      ...(as.roleArn === undefined
        ? {}
        : { AWS_ENDPOINT_URL: world.endpoint(), ...credentialVariables(world, as) }),
      ...image?.RuntimeEnvironmentVariables,
      ...Object.fromEntries(secrets),
    };
  }

  /**
   * Brings up an instance with these settings; the old one serves until the new one is healthy.
   * `restart` says that it replaces one that died, and whether it is still wanted when it is healthy. @returns why not.
   */
  async function bringUp(
    service: RunnerService,
    settings: Settings,
    restart: { crashes: number; wanted: () => boolean } = { crashes: 0, wanted: () => true },
  ): Promise<string | undefined> {
    const image = settings.source.ImageRepository;
    log(service, `Starting ${image?.ImageIdentifier}`);
    const startCommand = image?.ImageConfiguration?.StartCommand;
    // Every instance has a stream of its own.
    const stream = `instance/${uuid(world.random).replaceAll("-", "")}`;
    const start = async () => {
      const identifier = image?.ImageIdentifier ?? "";
      const roleArn = settings.source.AuthenticationConfiguration?.AccessRoleArn;
      authorizeRole(world, { roleArn, sessionName: service.name }, accessDemands(identifier));
      return deps.instances.start(
        {
          image: identifier,
          command: startCommand?.split(/\s+/),
          environment: environmentOf(service.name, settings),
          onLine: (line) => write(service, "application", stream, line),
        },
        healthCheckOf(settings.healthCheck),
      );
    };
    const result = await start().catch((error: unknown) => ({
      healthy: false as const,
      reason: error instanceof Error ? error.message : String(error),
    }));
    if (!result.healthy) {
      log(service, `The new instance is not healthy: ${result.reason}`);
      return result.reason;
    }
    if (stopping) {
      await result.instance.container.stop(0);
      return "the local AWS is stopping";
    }
    if (!restart.wanted()) {
      await result.instance.container.stop(0);
      return "an operation on the service took over";
    }
    const old = service.instance;
    service.instance = result.instance;
    service.front.switchTo(result.instance.port);
    watch(service, result.instance, restart.crashes);
    if (old !== undefined) void retire(service, old);
    log(service, "The new instance is healthy and serves.");
    return undefined;
  }

  /** In-flight requests end before their instance does. */
  async function retire(service: RunnerService, old: Instance): Promise<void> {
    await service.front.drained(old.port);
    await old.container.stop(30_000);
  }

  /** An instance that dies while it serves is replaced, with growing pauses if it dies again soon. */
  function watch(service: RunnerService, instance: Instance, crashesBefore: number): void {
    const since = clock.now();
    void instance.container.exited.then(({ exitCode }) => {
      if (stopping || service.instance !== instance) return;
      log(service, `The instance exited with code ${exitCode}; starting another.`);
      service.instance = undefined;
      service.front.switchTo(undefined);
      return replace(service, clock.now() - since >= STEADY_MILLISECONDS ? 0 : crashesBefore);
    });
  }

  /** Tries until an instance serves; an operation that begins meanwhile sees to the service instead. */
  async function replace(service: RunnerService, crashesBefore: number): Promise<void> {
    const operation = service.operations[0];
    const wanted = () =>
      service.operations[0] === operation && service.instance === undefined && service.status === "RUNNING";
    for (let crashes = crashesBefore; ; crashes++) {
      await sleep(clock, Math.min(1000 * 2 ** crashes, LONGEST_PAUSE_MILLISECONDS));
      if (stopping || !wanted()) return;
      if ((await bringUp(service, settingsOf(service), { crashes: crashes + 1, wanted })) === undefined)
        return;
    }
  }

  /** Begins an operation. */
  function operate(service: RunnerService, type: apprunner.OperationType): string {
    const operation: apprunner.OperationSummary = {
      Id: uuid(world.random),
      Type: type,
      Status: "IN_PROGRESS",
      TargetArn: service.arn,
      StartedAt: new Date(clock.now()),
      UpdatedAt: new Date(clock.now()),
    };
    service.operations.unshift(operation);
    setStatus(service, "OPERATION_IN_PROGRESS");
    announce.began(service, type);
    carryOut(service, operation, workOf[type]);
    return operation.Id ?? "";
  }

  /** Carries one operation to its end and tells what happened, as App Runner does. */
  function carryOut(service: RunnerService, operation: apprunner.OperationSummary, work: Work): void {
    const type = operation.Type ?? "UPDATE_SERVICE";
    const finish = (status: apprunner.OperationStatus) => {
      operation.Status = status;
      operation.EndedAt = new Date(clock.now());
      operation.UpdatedAt = operation.EndedAt;
      service.before = undefined;
      const ended: Partial<Record<apprunner.OperationType, apprunner.ServiceStatus>> = {
        DELETE_SERVICE: "DELETED",
        PAUSE_SERVICE: "PAUSED",
        CREATE_SERVICE: status === "SUCCEEDED" ? "RUNNING" : "CREATE_FAILED",
      };
      setStatus(service, ended[type] ?? "RUNNING");
      announce.ended(service, type, status);
    };
    void work(service, operation).then(finish, () => finish("FAILED"));
  }

  const start: Work = async (service) =>
    (await bringUp(service, settingsOf(service))) === undefined ? "SUCCEEDED" : "FAILED";

  /** Brings the new settings up; if they do not become healthy, the old ones stay, as if nothing had been asked. */
  const update: Work = async (service, operation) => {
    if (operation.Status !== "ROLLBACK_IN_PROGRESS") {
      const failure = await bringUp(service, settingsOf(service));
      if (failure === undefined) return "SUCCEEDED";
      operation.Status = "ROLLBACK_IN_PROGRESS";
      Object.assign(service, service.before);
      keep(service);
    }
    if (service.instance !== undefined) return "ROLLBACK_SUCCEEDED";
    return (await bringUp(service, settingsOf(service))) === undefined
      ? "ROLLBACK_SUCCEEDED"
      : "ROLLBACK_FAILED";
  };

  const workOf: Readonly<Record<apprunner.OperationType, Work>> = {
    CREATE_SERVICE: start,
    RESUME_SERVICE: start,
    UPDATE_SERVICE: update,
    START_DEPLOYMENT: update,
    PAUSE_SERVICE: async (service) => {
      await end(service);
      return "SUCCEEDED";
    },
    DELETE_SERVICE: async (service) => {
      await end(service);
      service.deletedAt = clock.now();
      await service.front.close();
      return "SUCCEEDED";
    },
  };

  function change(service: RunnerService, type: apprunner.OperationType, wanted: Settings): string {
    service.before = settingsOf(service);
    Object.assign(service, wanted);
    return operate(service, type);
  }

  function requireIdle(service: RunnerService): void {
    if (service.status === "RUNNING" || service.status === "PAUSED") return;
    throw new AwsError(
      "InvalidStateException",
      `Service cannot be updated in the current state: ${service.status}. Service status must be RUNNING or PAUSED to be updated.`,
    );
  }

  const CreateService: Operation<
    apprunner.CreateServiceCommandInput,
    apprunner.CreateServiceCommandOutput
  > = async (input) => {
    const name = input.ServiceName ?? "";
    if (!/^[A-Za-z0-9][A-Za-z0-9-_]{3,39}$/.test(name))
      throw new AwsError(
        "InvalidRequestException",
        `ServiceName "${name.slice(0, 80)}" must have 4 to 40 letters, digits, hyphens and underscores.`,
      );
    if ([...services.values()].some((service) => service.name === name && service.status !== "DELETED"))
      throw new AwsError(
        "InvalidRequestException",
        `Service with the provided name already exists: ${name}.`,
      );
    const settings = readSettings(input);
    const id = uuid(world.random).replaceAll("-", "");
    const now = clock.now();
    const service: RunnerService = {
      name,
      id,
      arn: arn(world, "apprunner", `service/${name}/${id}`),
      createdAt: now,
      updatedAt: now,
      deletedAt: undefined,
      status: "OPERATION_IN_PROGRESS",
      ...settings,
      front: await deps.frontDesk.open(undefined, counter({ name, id })),
      instance: undefined,
      operations: [],
      before: undefined,
    };
    services.set(service.arn, service);
    const OperationId = operate(service, "CREATE_SERVICE");
    return { Service: describe(service), OperationId };
  };

  const UpdateService: Operation<
    apprunner.UpdateServiceCommandInput,
    apprunner.UpdateServiceCommandOutput
  > = (input) => {
    const service = find(input.ServiceArn);
    requireIdle(service);
    const OperationId = change(service, "UPDATE_SERVICE", readSettings(input, service));
    return { Service: describe(service), OperationId };
  };

  const StartDeployment: Operation<
    apprunner.StartDeploymentCommandInput,
    apprunner.StartDeploymentCommandOutput
  > = (input) => {
    const service = find(input.ServiceArn);
    requireIdle(service);
    return { OperationId: change(service, "START_DEPLOYMENT", settingsOf(service)) };
  };

  const DescribeService: Operation<
    apprunner.DescribeServiceCommandInput,
    apprunner.DescribeServiceCommandOutput
  > = (input) => ({ Service: describe(find(input.ServiceArn)) });

  const ListServices: Operation<apprunner.ListServicesCommandInput, apprunner.ListServicesCommandOutput> = ({
    MaxResults = 20,
    NextToken,
  }) => {
    const open = [...services.values()].filter(({ status }) => status !== "DELETED");
    const page = paginate(open, {
      of: ["ListServices"],
      key: ({ id }) => id,
      size: pageSize(MaxResults),
      token: NextToken,
    });
    return {
      NextToken: page.nextToken,
      ServiceSummaryList: page.items.map(summarise),
    };
  };

  const ListOperations: Operation<
    apprunner.ListOperationsCommandInput,
    apprunner.ListOperationsCommandOutput
  > = (input) => {
    const { operations } = find(input.ServiceArn);
    const page = paginate(operations, {
      of: ["ListOperations", input.ServiceArn],
      key: ({ Id = "" }) => Id,
      size: pageSize(input.MaxResults ?? 20),
      token: input.NextToken,
    });
    return { OperationSummaryList: page.items, NextToken: page.nextToken };
  };

  const DeleteService: Operation<
    apprunner.DeleteServiceCommandInput,
    apprunner.DeleteServiceCommandOutput
  > = (input) => {
    const service = find(input.ServiceArn);
    if (service.status === "OPERATION_IN_PROGRESS") requireIdle(service);
    const OperationId = operate(service, "DELETE_SERVICE");
    return { Service: describe(service), OperationId };
  };

  const PauseService: Operation<apprunner.PauseServiceCommandInput, apprunner.PauseServiceCommandOutput> = (
    input,
  ) => {
    const service = find(input.ServiceArn);
    requireIdle(service);
    const OperationId = operate(service, "PAUSE_SERVICE");
    return { Service: describe(service), OperationId };
  };

  const ResumeService: Operation<
    apprunner.ResumeServiceCommandInput,
    apprunner.ResumeServiceCommandOutput
  > = (input) => {
    const service = find(input.ServiceArn);
    if (service.status !== "PAUSED")
      throw new AwsError(
        "InvalidStateException",
        `Service cannot be resumed in the current state: ${service.status}.`,
      );
    const OperationId = operate(service, "RESUME_SERVICE");
    return { Service: describe(service), OperationId };
  };

  async function restore(): Promise<void> {
    for (const [serviceArn, { url, ...rest }] of kept.entries()) {
      const isGone = rest.status === "DELETED";
      const front = isGone ? closedFront(url) : await deps.frontDesk.open(portOf(url), counter(rest));
      const service: RunnerService = { ...rest, front, instance: undefined };
      services.set(serviceArn, service);
    }
  }

  async function resume(): Promise<RestoredServices> {
    const [serving, ailing]: [string[], string[]] = [[], []];
    let operations = 0;
    const bringBack = async (service: RunnerService) => {
      const [operation] = service.operations;
      const isUnderway = service.status === "OPERATION_IN_PROGRESS";
      if (service.status === "RUNNING" || service.before !== undefined) {
        const failure = await bringUp(service, service.before ?? settingsOf(service));
        (failure === undefined ? serving : ailing).push(service.name);
        if (failure !== undefined && !isUnderway) void replace(service, 0);
      }
      if (!isUnderway || operation?.Type === undefined) return;
      operations += 1;
      log(service, `Going on with ${operation.Type} after the local AWS was ended.`);
      carryOut(service, operation, workOf[operation.Type]);
    };
    await Promise.all([...services.values()].map(bringBack));
    return { serving, ailing, operations };
  }

  async function end(service: RunnerService): Promise<void> {
    const { instance } = service;
    service.instance = undefined;
    service.front.switchTo(undefined);
    if (instance !== undefined) await retire(service, instance);
  }

  return {
    target: "AppRunner",
    protocol: "json1.0",
    schemas: apprunner,
    operations: {
      CreateService,
      UpdateService,
      StartDeployment,
      DescribeService,
      ListServices,
      ListOperations,
      DeleteService,
      PauseService,
      ResumeService,
    },
    restore,
    resume,
    async stop() {
      stopping = true;
      await Promise.all(
        [...services.values()].map(async ({ instance, front }) => {
          await front.close();
          await instance?.container.stop(2_000);
        }),
      );
    },
  };
}

/** What an operation does; its end is what App Runner says of it. */
type Work = (
  service: RunnerService,
  operation: apprunner.OperationSummary,
) => Promise<apprunner.OperationStatus>;

/** The port in an address of this machine, so that a service keeps its address. */
function portOf(url: string): number | undefined {
  const port = Number(URL.canParse(url) ? new URL(url).port : "");
  return port > 0 ? port : undefined;
}

/** The address of a service that was deleted. */
function closedFront(url: string): Front {
  return { url, switchTo: () => {}, drained: async () => {}, close: async () => {} };
}

/** App Runner's pages have 20 items at most. */
function pageSize(maxResults: number): number {
  if (maxResults >= 1 && maxResults <= 20) return maxResults;
  throw new AwsError("InvalidRequestException", `MaxResults must be between 1 and 20; it is ${maxResults}.`);
}
