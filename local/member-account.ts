import { join } from "node:path";
import { createInstances } from "./apprunner/instance.ts";
import { createAppRunner, type RestoredServices } from "./apprunner/service.ts";
import type { Runners } from "./aws.ts";
import { createCloudWatch } from "./cloudwatch.ts";
import { type ContainerRunner, ContainerStartError } from "./containers.ts";
import type { ImageStore } from "./ecr/store.ts";
import { createEcs } from "./ecs/service.ts";
import type { BusEvent, DroppedEvent } from "./eventbridge/delivery.ts";
import { createEventBridge, type EventBridge } from "./eventbridge/index.ts";
import { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
import { createDemandsOf } from "./iam/demands/index.ts";
import type { Iam } from "./iam/index.ts";
import { grantsForeigner } from "./iam/resource-policy.ts";
import { createLogs, type Logs } from "./logs.ts";
import { createSecretsManager } from "./secrets-manager.ts";
import { AwsError } from "./service.ts";
import { partOf } from "./store.ts";
import { createStsDoor } from "./sts.ts";
import type { ServiceEvent, World } from "./world.ts";

/** What a member account has of the account that is home. */
export interface HomeAccount {
  readonly world: World;
  readonly iam: Iam;
  readonly images: ImageStore;
  readonly runners: Pick<Runners, "containers" | "frontDesk" | "probe" | "freePort">;
  readonly logFiles: boolean;
  readonly gateway: Pick<GatewayOptions, "identify" | "onFault">;
  readonly onEvent?: ((event: ServiceEvent) => void) | undefined;
  readonly onDropped?: ((dropped: DroppedEvent) => void) | undefined;
  /** Takes an event that a rule of another account hands to one of home's buses. @returns why not, if it does not. */
  receive(busArn: string, event: BusEvent, fromAccountId: string): string | undefined;
}

/** Another account of the local AWS: where environments run, with services and a default event bus of its own. */
export interface MemberAccount {
  readonly world: World;
  readonly gateway: Gateway;
  readonly logs: Logs;
  readonly eventBridge: EventBridge;
  resume(): Promise<{ readonly lostTasks: readonly string[]; readonly services: RestoredServices }>;
  stop(): Promise<void>;
}

/**
 * Makes an account that runs services and tasks: ECS, App Runner, their logs, metrics, secrets and events. It has no images,
 * functions, machines or tables: those are at home.
 */
export async function createMemberAccount(home: HomeAccount, accountId: string): Promise<MemberAccount> {
  const { iam, images, runners } = home;
  const world: World = {
    ...home.world,
    accountId,
    folder: join(home.world.folder, accountId),
    store: home.world.store && partOf(home.world.store, accountId),
    emit: (event) => {
      eventBridge.putServiceEvent(event);
      home.onEvent?.(event);
    },
  };
  const logs = createLogs(world, { files: home.logFiles });
  const secrets = createSecretsManager(world);
  const { resolve: resolveSecret } = secrets;
  const eventBridge = createEventBridge(world, {
    invoke: () => Promise.reject(notHere("Lambda functions")),
    startExecution: () => Promise.reject(notHere("state machines")),
    forwardAbroad: (busArn, event) => home.receive(busArn, event, accountId),
    ...(home.onDropped === undefined ? {} : { onDropped: home.onDropped }),
  });
  const containers = pullingAs(accountId, images, runners.containers);
  const ecs = createEcs(world, { containers, logs, resolveSecret });
  const cloudWatch = createCloudWatch(world);
  const appRunner = createAppRunner(world, {
    instances: createInstances(world.clock, { ...runners, containers }),
    frontDesk: runners.frontDesk,
    logs,
    metrics: cloudWatch,
    resolveSecret,
  });
  const gateway = createGateway([eventBridge, logs, secrets, ecs, appRunner, cloudWatch], {
    clock: world.clock,
    random: world.random,
    doors: [createStsDoor(iam)],
    permissions: {
      demandsOf: createDemandsOf(world, { taskDefinition: ecs.taskDefinition, secretArn: secrets.arnOf }),
      authorize: iam.authorize,
    },
    ...home.gateway,
  });
  await appRunner.restore();
  return {
    world,
    gateway,
    logs,
    eventBridge,
    async resume() {
      const services = await appRunner.resume();
      const lostTasks = ecs.endLost();
      eventBridge.open();
      return { lostTasks, services };
    },
    async stop() {
      await eventBridge.stop();
      await Promise.all([ecs.stop(), appRunner.stop()]);
      await logs.stop();
    },
  };

  function notHere(what: string): AwsError {
    return new AwsError("ResourceNotFoundException", `The account ${accountId} has no ${what}.`);
  }
}

/** Starts only images that their repository lets this account pull. */
function pullingAs(accountId: string, images: ImageStore, containers: ContainerRunner): ContainerRunner {
  return {
    async start(request) {
      const name = /^[^/]+\/([^@:]+)/.exec(request.image)?.[1] ?? "";
      const policy = images.repositories.get(name)?.policy;
      if (!grantsForeigner(policy, { accountId, action: "ecr:BatchGetImage" }))
        throw new ContainerStartError(
          "CannotPullContainerError",
          `pull access denied: the repository ${name} does not let the account ${accountId} pull ${request.image}`,
        );
      return containers.start(request);
    },
  };
}
