import type { FrontDesk } from "./apprunner/front.ts";
import { createInstances, type Probe } from "./apprunner/instance.ts";
import type { RestoredServices } from "./apprunner/service.ts";
import { createAppRunner } from "./apprunner/service.ts";
import type { Clock, Random } from "./asl/clock.ts";
import { createAsynchronousInvocations } from "./asynchronous-invocation.ts";
import { createCloudWatch } from "./cloudwatch.ts";
import type { BuildRunner } from "./codebuild/runner.ts";
import { createCodeBuild } from "./codebuild/service.ts";
import type { ContainerRunner } from "./containers.ts";
import { createDynamoDb, type DynamoDb } from "./dynamodb.ts";
import type { KeptImages } from "./ecr/kept-images.ts";
import { createLayerDoor } from "./ecr/layer-door.ts";
import { createRegistry, registryPrefix } from "./ecr/registry.ts";
import { createEcr } from "./ecr/service.ts";
import { createImageStore, type ImageStore } from "./ecr/store.ts";
import { createRegistryTokens } from "./ecr/tokens.ts";
import { createEcs } from "./ecs/service.ts";
import { createEventBridge, type DroppedEvent, type EventBridge } from "./eventbridge/index.ts";
import { createGateway, type Gateway, type GatewayRequest, joinGateways } from "./gateway.ts";
import type { Caller } from "./iam/caller.ts";
import { createDemandsOf } from "./iam/demands/index.ts";
import { createIam, type Iam } from "./iam/index.ts";
import { createInvokeDoor } from "./invoke-door.ts";
import type { FunctionRunner } from "./lambda/function.ts";
import { createFunctionUrlDoor } from "./lambda/function-url.ts";
import { createLambda } from "./lambda/service.ts";
import { createLogs, type Logs } from "./logs.ts";
import { createMemberAccount, type MemberAccount } from "./member-account.ts";
import { createSecretsManager, type ResolveSecret } from "./secrets-manager.ts";
import { AwsError } from "./service.ts";
import type { Restored } from "./step-functions/executions.ts";
import { createStepFunctions } from "./step-functions.ts";
import type { Store } from "./store.ts";
import { createStsDoor } from "./sts.ts";
import type { ServiceEvent, World } from "./world.ts";

/** The innermost parts: what really runs things. A simulation gives others. */
export interface Runners {
  readonly functions: FunctionRunner;
  readonly builds: BuildRunner;
  readonly containers: ContainerRunner;
  readonly frontDesk: FrontDesk;
  readonly probe: Probe;
  readonly freePort: () => Promise<number>;
  /** The tables; dynalite unless given. */
  readonly dynamoDb?: DynamoDb;
}

/** What the runners may need of the services around them. */
export interface Surroundings {
  readonly world: World;
  readonly images: ImageStore;
  readonly resolveSecret: ResolveSecret;
}

export interface LocalAwsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** For what needs not outlive the process. */
  readonly folder: string;
  /** What outlives the process; the local AWS closes it when it stops. Undefined: nothing does. */
  readonly store?: Store;
  /** What keeps images, if not the folder. */
  readonly images?: KeptImages;
  /** `http://127.0.0.1:PORT`, once something listens there. */
  readonly endpoint: () => string;
  /** Whether log lines are also kept in files that a person can open. */
  readonly logFiles: boolean;
  readonly runners: (surroundings: Surroundings) => Promise<Runners>;
  /** Told of every event of a service, beside the bus. */
  readonly onEvent?: (event: ServiceEvent) => void;
  /** Brings an event to the bus; at once unless given. */
  readonly carry?: (event: ServiceEvent, deliver: () => void) => void;
  readonly onDropped?: (dropped: DroppedEvent) => void;
  readonly onFault?: (where: string, error: unknown) => void;
}

/** What an earlier process left open, and what became of it. */
export interface Resumed {
  readonly executions: Restored;
  /** Ids of the builds that ended as FAULT. */
  readonly lostBuilds: readonly string[];
  /** ARNs of the tasks that ended as STOPPED. */
  readonly lostTasks: readonly string[];
  readonly services: RestoredServices;
}

/** The whole local AWS behind one gateway. */
export interface LocalAws {
  readonly world: World;
  readonly gateway: Gateway;
  readonly iam: Iam;
  readonly images: ImageStore;
  readonly logs: Logs;
  readonly lambda: ReturnType<typeof createLambda>;
  readonly eventBridge: EventBridge;
  readonly stepFunctions: ReturnType<typeof createStepFunctions>;
  /** Another account, made at the first call. Whoever has credentials of it reaches its services, and no other. */
  account(accountId: string): Promise<MemberAccount>;
  /**
   * Goes on with what an earlier process left open, and begins to deliver events. To be called once everything is
   * there that they need: an endpoint that answers, functions, the values of secrets. Where nothing is kept it need
   * not be called.
   */
  resume(): Promise<Resumed>;
  /** Ends every process, timer and socket that it started. What is kept stays as it is: open work goes on next time. */
  stop(): Promise<void>;
}

/** Makes every service and joins them as AWS does. */
export async function createLocalAws(options: LocalAwsOptions): Promise<LocalAws> {
  const { clock, random } = options;
  const accountId = "000000000000";
  const iam = createIam({ clock, random, accountId });
  const world: World = {
    clock,
    random,
    folder: options.folder,
    store: options.store,
    endpoint: options.endpoint,
    iam,
    accountId,
    region: "us-east-1",
    emit: (event) => {
      const deliver = () => void eventBridge.putServiceEvent(event);
      if (options.carry === undefined) deliver();
      else options.carry(event, deliver);
      options.onEvent?.(event);
    },
  };
  const logs = createLogs(world, { files: options.logFiles });
  const secrets = createSecretsManager(world);
  const { resolve: resolveSecret } = secrets;
  const images = await createImageStore(world, options.images);
  const registryTokens = createRegistryTokens(world);
  const runners = await options.runners({ world, images, resolveSecret });
  const lambda = createLambda(world, { runner: runners.functions, logs });
  const stepFunctions = createStepFunctions(world, lambda);
  const eventBridge = createEventBridge(world, {
    invoke: lambda.invoke,
    startExecution: (stateMachineArn, input, as) => stepFunctions.startExecution(stateMachineArn, input, as),
    ...(options.onDropped === undefined ? {} : { onDropped: options.onDropped }),
  });
  const later = createAsynchronousInvocations(clock, lambda.invoke, (dropped) =>
    options.onFault?.("an invocation was dropped", dropped),
  );
  const dynamoDb = runners.dynamoDb ?? (await createDynamoDb(world));
  const codeBuild = createCodeBuild(world, { runner: runners.builds, logs, resolveSecret });
  const ecs = createEcs(world, { containers: runners.containers, logs, resolveSecret });
  const cloudWatch = createCloudWatch(world);
  const appRunner = createAppRunner(world, {
    instances: createInstances(clock, runners),
    frontDesk: runners.frontDesk,
    logs,
    metrics: cloudWatch,
    resolveSecret,
  });
  const demandsOf = createDemandsOf(world, { taskDefinition: ecs.taskDefinition, secretArn: secrets.arnOf });
  const members = new Map<string, MemberAccount>();
  const identify = (headers: GatewayRequest["headers"]): Caller => {
    const caller = iam.identify(headers);
    if (caller.accountId === world.accountId || members.has(caller.accountId)) return caller;
    throw new AwsError(
      "UnrecognizedClientException",
      `The local AWS has no account ${caller.accountId}; it has ${[world.accountId, ...members.keys()].join(", ")}.`,
      { status: 403 },
    );
  };
  const home = createGateway(
    [
      stepFunctions,
      eventBridge,
      logs,
      secrets,
      createEcr(world, images, registryTokens),
      codeBuild,
      ecs,
      appRunner,
      cloudWatch,
    ],
    {
      clock,
      random,
      doors: [
        dynamoDb,
        createLayerDoor(images),
        createStsDoor(iam),
        createFunctionUrlDoor(world, lambda),
        createInvokeDoor({
          invoke: lambda.invoke,
          functionArn: lambda.functionArn,
          invokeLater: later.submit,
        }),
      ],
      identify,
      permissions: { demandsOf, authorize: iam.authorize },
      routes: [{ prefix: registryPrefix, listener: createRegistry(world, images, registryTokens) }],
      ...(options.onFault === undefined ? {} : { onFault: options.onFault }),
    },
  );
  const gateway = joinGateways(home, (request) => {
    const { accountId } = iam.identify(request.headers);
    return members.get(accountId)?.gateway;
  });
  async function account(accountId: string): Promise<MemberAccount> {
    const known = members.get(accountId);
    if (known !== undefined) return known;
    const { onEvent, onDropped, onFault, logFiles } = options;
    const member = await createMemberAccount(
      {
        ...{ world, iam, images, runners, logFiles, onEvent, onDropped },
        gateway: { identify, ...(onFault === undefined ? {} : { onFault }) },
        receive: eventBridge.receive,
      },
      accountId,
    );
    members.set(accountId, member);
    return member;
  }
  await appRunner.restore();
  const executions = await stepFunctions.restore();

  async function resume(): Promise<Resumed> {
    // Services first: what goes on afterwards may ask them.
    const services = await appRunner.resume();
    const [lostBuilds, lostTasks] = [codeBuild.endLost(), ecs.endLost()];
    for (const member of members.values()) lostTasks.push(...(await member.resume()).lostTasks);
    stepFunctions.goOn();
    eventBridge.open();
    return { executions, lostBuilds, lostTasks, services };
  }

  return {
    world,
    gateway,
    iam,
    images,
    logs,
    lambda,
    eventBridge,
    stepFunctions,
    account,
    resume,
    async stop() {
      options.store?.close();
      await later.stop();
      await eventBridge.stop();
      await stepFunctions.stop();
      await Promise.all([codeBuild.stop(), ecs.stop(), appRunner.stop(), lambda.stop()]);
      await Promise.all([...members.values()].map((member) => member.stop()));
      await dynamoDb.stop();
      await logs.stop();
    },
  };
}
