import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type {
  CreateServiceCommandOutput,
  ListOperationsCommandOutput,
  UpdateServiceCommandOutput,
} from "@aws-sdk/client-apprunner";
import { afterEach, describe, expect, it } from "vitest";
import { createFrontDesk, type FrontDesk } from "../../local/apprunner/front.ts";
import { createInstances, findFreePort, type Probe, probeLoopback } from "../../local/apprunner/instance.ts";
import { createAppRunner } from "../../local/apprunner/service.ts";
import { type Clock, createRealClock, createVirtualClock, type VirtualClock } from "../../local/asl/index.ts";
import type { ContainerRunner } from "../../local/containers.ts";
import { administratorOf } from "../../local/iam/caller.ts";
import type { ServiceEvent, World } from "../../local/world.ts";

const image = (name: string) => `000000000000.dkr.ecr.us-east-1.amazonaws.com/web:${name}`;
const source = (name: string, variables = {}) => ({
  SourceConfiguration: {
    AutoDeploymentsEnabled: false,
    ImageRepository: {
      ImageIdentifier: image(name),
      ImageRepositoryType: "ECR",
      ImageConfiguration: {
        RuntimeEnvironmentVariables: variables,
        RuntimeEnvironmentSecrets: { PASSWORD: "arn:secret" },
      },
    },
  },
  HealthCheckConfiguration: {
    Protocol: "HTTP",
    Path: "/health",
    Interval: 1,
    Timeout: 1,
    HealthyThreshold: 1,
    UnhealthyThreshold: 3,
  },
});

function appRunner(
  clock: Clock,
  parts: {
    containers: ContainerRunner;
    frontDesk: FrontDesk;
    probe: Probe;
    freePort?: () => Promise<number>;
  },
) {
  const events: ServiceEvent[] = [];
  const world: World = {
    clock,
    random: Math.random,
    accountId: "000000000000",
    region: "us-east-1",
    endpoint: () => "http://local",
    folder: "/nowhere",
    emit: (event) => events.push(event),
  };
  let port = 9000;
  const counted = new Map<string, number>();
  const instances = createInstances(clock, { ...parts, freePort: parts.freePort ?? (async () => ++port) });
  const service = createAppRunner(world, {
    instances,
    frontDesk: parts.frontDesk,
    logs: { write: () => {} },
    metrics: { count: (_namespace, metric) => void counted.set(metric, (counted.get(metric) ?? 0) + 1) },
    resolveSecret: (reference) => `value of ${reference}`,
  });
  const call = async <Output>(operation: string, input: object): Promise<Output> => {
    const run = service.operations[operation];
    return (await run?.(input as never, { caller: administratorOf(world.accountId) })) as Output;
  };
  const operationEnded = () =>
    events
      .filter(
        ({ "detail-type": type, detail }) =>
          type.includes("Operation Status") && !String(detail.operationStatus).endsWith("Started"),
      )
      .map(({ detail }) => detail.operationStatus);
  return { service, call, events, counted, operationEnded };
}

describe("App Runner under a virtual clock", () => {
  let clock: VirtualClock;
  const started: { image: string; environment: Readonly<Record<string, string>> }[] = [];
  let current: number | undefined;
  let refusing = false;
  /** From when on instances listen; milliseconds. */
  let listensAt = 0;
  const alive = new Map<number, string>();
  const ends = new Map<number, (how: { exitCode: number | null }) => void>();

  const make = () => {
    clock = createVirtualClock();
    started.length = 0;
    refusing = false;
    listensAt = 0;
    alive.clear();
    const containers: ContainerRunner = {
      async start({ image: name, environment }) {
        if (refusing) throw new Error("no room for another container");
        started.push({ image: name, environment });
        const port = Number(environment.PORT);
        alive.set(port, name);
        const exited = new Promise<{ exitCode: number | null }>((resolve) =>
          ends.set(port, (how) => {
            alive.delete(port);
            resolve(how);
          }),
        );
        if (name.endsWith("crash")) clock.after(200, () => ends.get(port)?.({ exitCode: 3 }));
        return { exited, stop: async () => ends.get(port)?.({ exitCode: null }) };
      },
    };
    const frontDesk: FrontDesk = {
      open: async () => ({
        url: "http://front",
        switchTo: (port) => {
          current = port;
        },
        drained: async () => {},
        close: async () => {},
      }),
    };
    return appRunner(clock, {
      containers,
      frontDesk,
      probe: async (port) => {
        const image = alive.get(port);
        if (image === undefined || image.endsWith("mute") || clock.now() < listensAt) return "closed";
        return image.endsWith("bad") ? "bad" : "good";
      },
    });
  };
  const serving = () => (current === undefined ? undefined : alive.get(current));

  it("creates, serves, and gives an instance its secrets and nothing else of ours", async () => {
    const { call, operationEnded } = make();
    const { Service, OperationId } = await call<CreateServiceCommandOutput>("CreateService", {
      ServiceName: "web-prod",
      ...source("one", { GREETING: "hello" }),
    });
    expect(Service?.Status).toBe("OPERATION_IN_PROGRESS");
    await clock.advance(5_000);
    expect(serving()).toBe(image("one"));
    expect(operationEnded()).toEqual(["CreateServiceCompletedSuccessfully"]);
    expect(started[0]?.environment).toEqual({
      AWS_REGION: "us-east-1",
      AWS_DEFAULT_REGION: "us-east-1",
      GREETING: "hello",
      PASSWORD: "value of arn:secret",
      HOST: "127.0.0.1",
      PORT: expect.any(String),
    });
    const { OperationSummaryList } = await call<ListOperationsCommandOutput>("ListOperations", {
      ServiceArn: Service?.ServiceArn,
    });
    expect(OperationSummaryList?.[0]).toMatchObject({
      Id: OperationId,
      Type: "CREATE_SERVICE",
      Status: "SUCCEEDED",
    });
  });

  it.each(["bad", "crash"])(
    "rolls a %s update back by itself and ends RUNNING, which is why status alone says nothing",
    async (name) => {
      const { call, operationEnded } = make();
      const { Service } = await call<CreateServiceCommandOutput>("CreateService", {
        ServiceName: "web-prod",
        ...source("one"),
      });
      await clock.advance(5_000);
      await call<UpdateServiceCommandOutput>("UpdateService", {
        ServiceArn: Service?.ServiceArn,
        ...source(name),
      });
      await expect(
        call("UpdateService", { ServiceArn: Service?.ServiceArn, ...source("three") }),
      ).rejects.toMatchObject({ name: "InvalidStateException" });
      await clock.advance(60_000);
      expect(serving()).toBe(image("one"));
      expect(operationEnded().at(-1)).toBe("UpdateServiceFailed");
      const { OperationSummaryList } = await call<ListOperationsCommandOutput>("ListOperations", {
        ServiceArn: Service?.ServiceArn,
      });
      expect(OperationSummaryList?.[0]).toMatchObject({ Status: "ROLLBACK_SUCCEEDED" });
      const described = await call<CreateServiceCommandOutput>("DescribeService", {
        ServiceArn: Service?.ServiceArn,
      });
      expect(described.Service).toMatchObject({
        Status: "RUNNING",
        SourceConfiguration: { ImageRepository: { ImageIdentifier: image("one") } },
      });
    },
  );

  it("replaces an instance that dies while it serves", async () => {
    const { call } = make();
    await call("CreateService", { ServiceName: "web-prod", ...source("one") });
    await clock.advance(5_000);
    const dead = current ?? 0;
    ends.get(dead)?.({ exitCode: 1 });
    await clock.advance(10_000);
    expect(current).not.toBe(dead);
    expect(serving()).toBe(image("one"));
  });

  it("waits longer each time that an instance soon dies again", async () => {
    const { call } = make();
    await call("CreateService", { ServiceName: "web-prod", ...source("one") });
    await clock.advance(5_000);
    const pauses: number[] = [];
    for (let death = 0; death < 4; death++) {
      const dead = current ?? 0;
      const before = clock.now();
      ends.get(dead)?.({ exitCode: 1 });
      while (current === undefined || current === dead) await clock.advance(1_000);
      pauses.push(clock.now() - before);
    }
    // One, two, four, eight seconds, and one until the first health check.
    expect(pauses).toEqual([2_000, 3_000, 5_000, 9_000]);
  });

  it("goes on trying while no instance can be started", async () => {
    const { call } = make();
    await call("CreateService", { ServiceName: "web-prod", ...source("one") });
    await clock.advance(5_000);
    refusing = true;
    ends.get(current ?? 0)?.({ exitCode: 1 });
    await clock.advance(20_000);
    expect(serving()).toBeUndefined();
    refusing = false;
    await clock.advance(60_000);
    expect(serving()).toBe(image("one"));
  });

  it("leaves a service to the update that begins while a dead instance is being replaced", async () => {
    const { call } = make();
    const { Service } = await call<CreateServiceCommandOutput>("CreateService", {
      ServiceName: "web-prod",
      ...source("one"),
    });
    await clock.advance(5_000);
    ends.get(current ?? 0)?.({ exitCode: 1 });
    await clock.advance(2_000);
    await call("UpdateService", { ServiceArn: Service?.ServiceArn, ...source("two") });
    await clock.advance(120_000);
    expect(serving()).toBe(image("two"));
    expect([...alive.values()]).toEqual([image("two")]);
  });

  it("gives an instance time to start before it counts that nothing listens, but not for ever", async () => {
    const { call, operationEnded } = make();
    listensAt = clock.now() + 60_000;
    const { Service } = await call<CreateServiceCommandOutput>("CreateService", {
      ServiceName: "web-prod",
      ...source("slow"),
    });
    await clock.advance(70_000);
    expect(operationEnded()).toEqual(["CreateServiceCompletedSuccessfully"]);
    await call<UpdateServiceCommandOutput>("UpdateService", {
      ServiceArn: Service?.ServiceArn,
      ...source("mute"),
    });
    await clock.advance(290_000);
    expect(operationEnded()).toHaveLength(1);
    await clock.advance(60_000);
    expect(operationEnded().at(-1)).toBe("UpdateServiceFailed");
    expect(serving()).toBe(image("slow"));
  });

  it("takes an open port for healthy when the check is TCP, whatever is spoken there", async () => {
    const silent = createTcpServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const check = {
      path: "/",
      intervalSeconds: 1,
      timeoutSeconds: 1,
      healthyThreshold: 1,
      unhealthyThreshold: 1,
    };
    expect(await probeLoopback(port, { ...check, protocol: "TCP" })).toBe("good");
    silent.close();
    await once(silent, "close");
    expect(await probeLoopback(port, { ...check, protocol: "TCP" })).toBe("closed");
  });

  it("refuses an image that is no ECR image, and a name that is taken, in AWS's words", async () => {
    const { call } = make();
    await call("CreateService", { ServiceName: "web-prod", ...source("one") });
    await expect(call("CreateService", { ServiceName: "web-prod", ...source("one") })).rejects.toMatchObject({
      name: "InvalidRequestException",
    });
    const wrong = {
      ServiceName: "web-other",
      SourceConfiguration: {
        ImageRepository: { ImageIdentifier: "docker.io/web", ImageRepositoryType: "ECR" },
      },
    };
    await expect(call("CreateService", wrong)).rejects.toThrow(/is not an ECR image of the form/);
  });
});

describe("traffic during a switch", () => {
  const clock = createRealClock();
  let stop: () => Promise<void> = async () => {};
  afterEach(() => stop());

  it("drops not one request of clients that hammer the service through five updates", async () => {
    const containers: ContainerRunner = {
      start: ({ image: name, environment }) =>
        new Promise((resolve) => {
          const server = createServer((_, response) => clock.after(3, () => response.end(name)));
          const exited = new Promise<{ exitCode: number | null }>((ended) =>
            server.once("close", () => ended({ exitCode: 0 })),
          );
          const end = async () => {
            server.closeIdleConnections();
            server.close();
            server.closeAllConnections();
          };
          server.listen(Number(environment.PORT), "127.0.0.1", () => resolve({ exited, stop: end }));
        }),
    };
    const { service, call, events, counted } = appRunner(clock, {
      containers,
      frontDesk: createFrontDesk(clock),
      probe: probeLoopback,
      freePort: findFreePort,
    });
    const ended = (count: number) =>
      new Promise<void>((resolve) => {
        const push = events.push.bind(events);
        const done = () =>
          events.filter(({ detail }) => String(detail.operationStatus).endsWith("CompletedSuccessfully"))
            .length >= count;
        if (done()) return resolve();
        events.push = (...more) => {
          const length = push(...more);
          if (done()) resolve();
          return length;
        };
      });
    const { Service } = await call<CreateServiceCommandOutput>("CreateService", {
      ServiceName: "web-prod",
      ...source("v0"),
    });
    stop = () => service.stop();
    await ended(1);
    const seen = new Set<string>();
    const failures: unknown[] = [];
    const over = new AbortController();
    const client = async () => {
      while (!over.signal.aborted)
        await fetch(Service?.ServiceUrl ?? "").then(
          async (answer) => {
            const text = await answer.text();
            if (answer.ok) seen.add(text);
            else failures.push(`${answer.status} ${text}`);
          },
          (error: unknown) => failures.push(error),
        );
    };
    const clients = Array.from({ length: 8 }, client);
    for (let version = 1; version <= 5; version++) {
      const next = ended(version + 1);
      await call("UpdateService", { ServiceArn: Service?.ServiceArn, ...source(`v${version}`) });
      await next;
    }
    over.abort();
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(seen.size).toBeGreaterThanOrEqual(5);
    // Each is counted, as CloudWatch tells a bake.
    expect(counted.get("Requests")).toBeGreaterThanOrEqual(seen.size);
    expect(counted.get("2xxStatusResponses")).toBe(counted.get("Requests"));
  });
});
