import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import type { Context } from "aws-lambda";
import { connectAppRunner } from "../../aws/apprunner.ts";
import type { Connection } from "../../aws/connection.ts";
import { connectRecords } from "../../aws/dynamodb.ts";
import { type ConfigInput, parseConfig } from "../../core/config.ts";
import type { Release } from "../../core/records.ts";
import { createHandler, type Place } from "../../functions/middleware.ts";
import { describeApplication } from "../../infra/application.ts";
import type { Front } from "../../local/apprunner/front.ts";
import { createVirtualClock, sleep, type VirtualClock } from "../../local/asl/index.ts";
import { createLocalAws, type LocalAws } from "../../local/aws.ts";
import type { BuildOutcome, BuildProgress } from "../../local/codebuild/runner.ts";
import type { ContainerRequest, ContainerRunner } from "../../local/containers.ts";
import type { Gateway } from "../../local/gateway.ts";
import { createRequestHandler } from "../../local/handover.ts";
import type { FunctionRunner } from "../../local/lambda/function.ts";
import { type Provisioned, type Provisioning, provision } from "../../local/provision.ts";
import type { ServiceEvent } from "../../local/world.ts";
import { oneEnvironment } from "./environments.ts";
import { imageOf } from "./image.ts";
import { createTurns } from "./turns.ts";

const root = resolve(import.meta.dirname, "../..");

/** How long a build takes, and how it ends: 10 s, passed, silent unless said. */
export interface StageBehaviour {
  readonly seconds?: number;
  readonly passes?: boolean;
  readonly prints?: readonly string[];
  readonly reports?: BuildOutcome["reports"];
  readonly artifacts?: BuildOutcome["artifacts"];
}

/** How one image behaves; the rest of the world is real. */
export interface Behaviour {
  /** What a stage does, or one build of its matrix. */
  readonly stages?: Readonly<Record<string, StageBehaviour>>;
  /** The order of its build; one more than the last unless said. */
  readonly sequence?: number;
  /** Its migration image: `after` is its head, 0001 unless said. */
  readonly migration?: {
    readonly exitCode?: number;
    /** The exit code of taking a migration back; 0 unless said. */
    readonly downExitCode?: number;
    readonly after?: string;
    /** Where a failing migration leaves the schema; as it was unless said. */
    readonly leaves?: string;
    readonly silent?: boolean;
    /** What it prints when it fails, before it says why. */
    readonly prints?: readonly string[];
    /** Seconds that a migration takes; 5 unless said. */
    readonly seconds?: number;
    /** Whether the database cannot be reached. */
    readonly unreachable?: boolean;
    /** Every revision up to the head, and the oldest code that can read the head; the head alone unless said. */
    readonly history?: readonly string[];
    readonly readableFrom?: string;
  };
  /** HTTP status of the health path as App Runner sees it, and as the world sees it; 200 unless said. */
  readonly probeStatus?: number;
  readonly healthStatus?: number;
  readonly crashesOnStart?: boolean;
  /** What it prints before it crashes. */
  readonly prints?: readonly string[];
  /** Seconds until it listens; none unless said. */
  readonly startSeconds?: number;
  /** From when (milliseconds of the world's clock) the health path answers 500; never unless said. */
  readonly failsFrom?: number;
  /** Seconds until the health path answers the world; none unless said. */
  readonly healthSeconds?: number;
  /** Whether the world can reach the service at all; yes unless said. */
  readonly unreachable?: boolean;
  /** The body of the health path; by default JSON that names the commit. */
  readonly healthBody?: string;
}

/** How a commit behaves; its build may forget to push. */
export interface CommitBehaviour extends Behaviour {
  readonly pushes?: boolean;
}

/** How an execution ended. */
export interface EndedExecution {
  readonly arn: string;
  readonly status: string;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly output: { readonly outcome?: string; readonly reason?: string };
}

/** The whole application in one process: real machines, handlers, SDK clients and services; virtual time; simulated work. */
export interface SimulatedWorld {
  readonly clock: VirtualClock;
  readonly aws: LocalAws;
  readonly made: Provisioned;
  /** What it was made of. */
  readonly provisioning: Provisioning;
  readonly events: ServiceEvent[];
  /** How often functions and tests have called each operation: `TARGET.OPERATION` → count. */
  readonly requests: ReadonlyMap<string, number>;
  readonly records: ReturnType<typeof connectRecords>;
  readonly connection: Connection;
  /** Pushes both images of a commit and waits until the release that it starts has ended. */
  release(tag: string, behaviour?: Behaviour): Promise<string>;
  /** Pushes without waiting. @returns the digest. */
  push(tag: string, behaviour?: Behaviour): Promise<string>;
  /** Says how a commit and the images built of it behave. */
  commit(commit: string, behaviour?: CommitBehaviour): void;
  /** Starts the release machine with an input, as from the console, and waits for the end. */
  start(input: object): Promise<DescribeExecutionCommandOutput>;
  /** The variables that the last build of that name was given, secrets resolved. */
  readonly told: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Waits until a release has ended. */
  ended(release: string): Promise<Release>;
  /** What answers at the service's address now: the tag of the image. */
  serving(): string | undefined;
  /** The same in one environment, by its target. */
  servingIn(environment: string): Promise<string | undefined>;
  /** Starts the deploy machine with this input and waits for its end. */
  deploy(input: object): Promise<EndedExecution>;
  close(): Promise<void>;
}

/** Mulberry32: small, good enough, and the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Makes a world from a seed and a config: the example in one environment unless another is given. */
export async function createWorld(
  seed = 1,
  input: ConfigInput = oneEnvironment(),
  secretValues: Readonly<Record<string, string>> = {},
): Promise<SimulatedWorld> {
  const clock = createVirtualClock({ start: Date.UTC(2026, 0, 1) });
  const folder = await mkdtemp(join(tmpdir(), "spillway-simulation-"));
  const parsed = parseConfig(input);
  const application = describeApplication(parsed, "spillway");
  const behaviours = new Map<string, { tag: string; behaviour: Behaviour }>();
  const commits = new Map<string, CommitBehaviour>();
  const told = new Map<string, Readonly<Record<string, string>>>();
  const events: ServiceEvent[] = [];
  const requests = new Map<string, number>();
  const watchers = new Set<(event: ServiceEvent) => void>();
  const fronts = new Map<string, number | undefined>();
  const ports = new Map<number, string>();
  let lastPort = 10_000;

  const turns = createTurns(clock);

  const behaviourOf = (image: string) => behaviours.get(image.split("@").at(-1) ?? "");

  const connection: Connection = {
    now: clock.now,
    fetch: (target) => turns.away(() => answer(new URL(String(target)))),
    client: {
      maxAttempts: 1,
      region: "us-east-1",
      endpoint: "http://local",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    },
  };

  async function answer(url: URL): Promise<Response> {
    if (url.pathname.startsWith("/ecr-layers/")) {
      const { status, body } = await aws.gateway.handle({
        method: "GET",
        path: url.pathname,
        query: {},
        headers: {},
        body: new Uint8Array(),
      });
      return new Response(Buffer.from(body), { status });
    }
    const port = fronts.get(url.origin);
    const image = port === undefined ? undefined : ports.get(port);
    if (image === undefined) return new Response("nobody serves", { status: 503 });
    const { tag = "", behaviour = {} } = behaviourOf(image) ?? {};
    if (behaviour.healthSeconds !== undefined) await sleep(clock, behaviour.healthSeconds * 1000);
    if (behaviour.unreachable === true) throw new TypeError("fetch failed");
    if (clock.now() >= (behaviour.failsFrom ?? Number.POSITIVE_INFINITY))
      return new Response("ill", { status: 500 });
    const body = behaviour.healthBody ?? JSON.stringify({ status: "ok", commit: tag });
    return new Response(body, { status: behaviour.healthStatus ?? 200 });
  }

  const containers: ContainerRunner = {
    start: async (request) =>
      request.environment.PORT === undefined ? runMigration(request) : runService(request),
  };

  /** Databases by URL: each stands at a schema revision, whoever migrated it. */
  const databases = new Map<string, string | null>();

  function runMigration({ image, command = [], environment, onLine }: ContainerRequest) {
    const { migration = {} } = behaviourOf(image)?.behaviour ?? {};
    const { exitCode = 0, downExitCode = 0, after = "0001", seconds = 5 } = migration;
    const { silent = false, unreachable = false, prints = [] } = migration;
    const url = environment.DATABASE_URL ?? "";
    const stop = new AbortController();
    const work = () => {
      const before = databases.get(url) ?? null;
      if (unreachable) {
        for (const line of prints) onLine(line);
        onLine("MigrationError: connect ECONNREFUSED");
        return { exitCode: 1 };
      }
      const [verb = "up", , to = null] = command;
      const exit = verb === "status" ? 0 : verb === "down" ? downExitCode : exitCode;
      const failed = exit !== 0;
      const reached = verb === "up" ? after : verb === "down" ? to : before;
      const stands = failed ? ((verb === "up" ? migration.leaves : undefined) ?? before) : reached;
      databases.set(url, stands);
      if (failed) for (const line of prints) onLine(line);
      if (failed) onLine("MigrationError: relation links does not exist");
      if (!silent) onLine(JSON.stringify({ migration: { command: verb, before, after: stands } }));
      return { exitCode: exit };
    };
    const exited = sleep(clock, seconds * 1000, stop.signal).then(work, () => ({ exitCode: 143 }));
    return { exited, stop: async () => stop.abort() };
  }

  function runService({ image, environment, onLine }: ContainerRequest) {
    const port = Number(environment.PORT);
    let end = (_how: { exitCode: number | null }) => {};
    const exited = new Promise<{ exitCode: number | null }>((resolve) => {
      end = (how) => {
        ports.delete(port);
        resolve(how);
      };
    });
    const { startSeconds, prints = [] } = behaviourOf(image)?.behaviour ?? {};
    const listen = () => void ports.set(port, image);
    if (startSeconds === undefined) listen();
    else clock.after(startSeconds * 1000, listen);
    if (behaviourOf(image)?.behaviour.crashesOnStart === true)
      clock.after(100, () => {
        for (const line of prints) onLine(line);
        onLine("Error: Cannot find module 'pg'");
        end({ exitCode: 1 });
      });
    return {
      exited,
      stop: async () => {
        await sleep(clock, 50);
        end({ exitCode: null });
      },
    };
  }

  const functions: FunctionRunner = {
    stop: async () => {},
    async invoke(fn, payload, invocation) {
      const handler = handlers.get(fn.name);
      if (handler === undefined) throw new Error(`no function ${fn.name}`);
      try {
        return {
          payload: JSON.stringify(
            (await turns.run(fn.name, async () =>
              handler(JSON.parse(payload), contextOf(fn.name, fn.arn, invocation.requestId)),
            )) ?? null,
          ),
        };
      } catch (error) {
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        return {
          functionError: "Unhandled",
          payload: JSON.stringify({ errorType: name, errorMessage: message, trace: [] }),
        };
      }
    },
  };

  const builds = {
    async run(
      job: { project: string; variables: Readonly<Record<string, string>> },
      progress: BuildProgress,
      signal: AbortSignal,
    ): Promise<BuildOutcome> {
      const {
        SPILLWAY_IMAGE: image,
        SPILLWAY_COMMIT: commit = "",
        SPILLWAY_STAGE: stage = "",
        SPILLWAY_BUILD: build = "",
      } = job.variables;
      const { stages } = (image === undefined ? commits.get(commit) : behaviourOf(image)?.behaviour) ?? {};
      const {
        seconds = 10,
        passes = true,
        prints = [],
        reports = [],
        artifacts = [],
      } = stages?.[build] ?? stages?.[stage] ?? {};
      told.set(build, job.variables);
      progress.enter("BUILD");
      for (const line of prints) progress.line(line);
      const stopped = await sleep(clock, seconds * 1000, signal).then(
        () => false,
        () => true,
      );
      if (!stopped && !passes) {
        const message = `Error while executing command: run ${stage}. Reason: exit status 1`;
        progress.fail({ statusCode: "COMMAND_EXECUTION_ERROR", message });
        progress.enter("POST_BUILD");
        progress.line("a later phase speaks too");
      }
      if (!stopped && passes && stage === "build-image") await buildOf(commit);
      return {
        status: stopped ? "STOPPED" : passes ? "SUCCEEDED" : "FAILED",
        exportedVariables: [],
        reports,
        artifacts,
      };
    },
  };

  const aws = await createLocalAws({
    clock,
    random: seeded(seed),
    folder,
    logFiles: false,
    endpoint: () => "http://local",
    onEvent: (event) => {
      events.push(event);
      for (const watch of watchers) watch(event);
    },
    runners: async () => ({
      functions,
      builds,
      containers,
      frontDesk: { open: async () => openFront() },
      probe: async (port, check) => {
        const image = ports.get(port);
        if (image === undefined) return "closed";
        return check.protocol === "TCP" || (behaviourOf(image)?.behaviour.probeStatus ?? 200) < 400
          ? "good"
          : "bad";
      },
      freePort: async () => ++lastPort,
    }),
  });

  function openFront(): Front {
    const url = `http://service-${fronts.size}`;
    fronts.set(url, undefined);
    return {
      url,
      switchTo: (port) => void fronts.set(url, port),
      drained: async () => {},
      close: async () => {},
    };
  }

  const counted = (gateway: Gateway): Gateway => ({
    ...gateway,
    handle(request) {
      const operation = request.headers["x-amz-target"] ?? `${request.method} ${request.path}`;
      requests.set(operation, (requests.get(operation) ?? 0) + 1);
      return turns.away(() => gateway.handle(request));
    },
  });
  const place: Place = {
    connection: {
      ...connection,
      client: { ...connection.client, requestHandler: createRequestHandler(counted(aws.gateway), clock) },
    },
    environment: { table: "spillway-records", region: "us-east-1" },
  };
  const handlers = new Map<string, ReturnType<typeof createHandler>>();
  for (const { name, file } of application.functions) {
    const module = await import(join(root, file));
    handlers.set(
      `spillway-${name}`,
      createHandler(module[name.charAt(0).toLowerCase() + name.slice(1)], place),
    );
  }
  const bundles = new Map(application.functions.map(({ file }) => [file, file]));
  const secrets = Object.fromEntries(
    application.secrets.map((name) => [
      name,
      secretValues[name] ?? JSON.stringify({ url: `postgres://simulated/${name}`, ca: "simulated" }),
    ]),
  );
  const provisioning = { application, config: parsed, prefix: "spillway", root, bundles, secrets };
  const made = await provision(aws, provisioning);
  const records = connectRecords(place.connection, made.table);
  let sequence = 0;

  async function put(
    repository: string,
    tag: string,
    { blob, manifest }: ReturnType<typeof imageOf>,
  ): Promise<string> {
    await aws.images.writeBlob(once(blob));
    return (
      await aws.images.putManifest(repository, {
        text: manifest,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        tag,
      })
    ).digest;
  }

  /** What a build of the images does in the end: it pushes both, the application's last. */
  async function buildOf(commit: string): Promise<void> {
    const { pushes = true, ...behaviour } = commits.get(commit) ?? {};
    if (pushes) await push(commit.slice(0, 12), behaviour, commit);
  }

  async function push(tag: string, behaviour: Behaviour = {}, commit = tag): Promise<string> {
    sequence++;
    const { after = "0001", history = [after], readableFrom = after } = behaviour.migration ?? {};
    const migration = imageOf({
      tag,
      "dev.spillway.schema.history": history.join(","),
      "dev.spillway.schema.readable-from": readableFrom,
    });
    const application = imageOf({
      "org.opencontainers.image.revision": commit,
      "dev.spillway.sequence": String(behaviour.sequence ?? sequence),
      "dev.spillway.schema": after,
    });
    // Known before the push is told of: the release starts at once.
    behaviours.set(migration.digest, { tag, behaviour });
    behaviours.set(application.digest, { tag, behaviour });
    await put("web-migrate", tag, migration);
    return put("web", tag, application);
  }

  const states = new SFNClient(place.connection.client);

  /** Begins to listen; the promise ends when an execution of the machine does. */
  function nextEnd(isIt: (detail: ServiceEvent["detail"]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watch = ({ "detail-type": type, detail }: ServiceEvent) => {
        const over =
          type === "Step Functions Execution Status Change" && detail.status !== "RUNNING" && isIt(detail);
        if (over) watchers.delete(watch);
        if (over) resolve();
      };
      watchers.add(watch);
    });
  }

  /** Starts a machine and waits for the execution's end. */
  async function run(machine: string, input: object): Promise<DescribeExecutionCommandOutput> {
    const { executionArn } = await states.send(
      new StartExecutionCommand({ stateMachineArn: made.machines[machine], input: JSON.stringify(input) }),
    );
    const look = () => states.send(new DescribeExecutionCommand({ executionArn }));
    const execution = await look();
    if (execution.status !== "RUNNING") return execution;
    await nextEnd((detail) => detail.executionArn === executionArn);
    return look();
  }

  const tagAt = (url: string | undefined) => {
    const port = fronts.get(url ?? "");
    const image = port === undefined ? undefined : ports.get(port);
    return image === undefined ? undefined : behaviourOf(image)?.tag;
  };

  return {
    clock,
    aws,
    made,
    provisioning,
    events,
    requests,
    records,
    connection: place.connection,
    push: (tag, behaviour) => clock.runUntil(push(tag, behaviour)),
    told,
    commit: (commit, behaviour = {}) => void commits.set(commit, behaviour),
    start: (input) => clock.runUntil(run("ReleaseMachine", input)),
    ended: (id) =>
      clock.runUntil(
        (async () => {
          for (;;) {
            const release = await records.release(id);
            if (release?.endedAt !== undefined) return release;
            await sleep(clock, 5_000);
          }
        })(),
      ),
    deploy: (input) => clock.runUntil(run("DeployMachine", input).then(endOf)),
    async servingIn(environment) {
      const target = connectAppRunner(place.connection);
      const { url } = await clock.runUntil(target.describe(`spillway-web-${environment}`));
      return tagAt(url);
    },
    async release(tag, behaviour) {
      const ended = nextEnd((detail) => detail.stateMachineArn === made.machines.ReleaseMachine);
      const digest = await clock.runUntil(push(tag, behaviour));
      await clock.runUntil(ended);
      return `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
    },
    serving: () => tagAt([...fronts.keys()].find((url) => fronts.get(url) !== undefined)),
    async close() {
      await clock.runUntil(aws.stop());
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function endOf(execution: DescribeExecutionCommandOutput): EndedExecution {
  const { executionArn = "", status = "", error, cause, output = "{}" } = execution;
  return { arn: executionArn, status, error, cause, output: JSON.parse(output) };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

function contextOf(functionName: string, invokedFunctionArn: string, awsRequestId: string): Context {
  return {
    awsRequestId,
    functionName,
    invokedFunctionArn,
    functionVersion: "1",
    memoryLimitInMB: "512",
    logGroupName: "",
    logStreamName: "",
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => 60_000,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}
