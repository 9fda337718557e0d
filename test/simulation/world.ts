import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DescribeExecutionCommandOutput } from "@aws-sdk/client-sfn";
import { connectAppRunner } from "../../aws/apprunner.ts";
import type { Connection, Credentials } from "../../aws/connection.ts";
import { connectRecords } from "../../aws/dynamodb.ts";
import { type ConfigInput, parseConfig } from "../../core/config.ts";
import type { Release } from "../../core/records.ts";
import type { Place } from "../../functions/middleware.ts";
import { type Application, describeApplication } from "../../infra/application.ts";
import { createVirtualClock, sleep, type VirtualClock } from "../../local/asl/index.ts";
import { createLocalAws, type LocalAws } from "../../local/aws.ts";
import { authorizeArtifacts } from "../../local/codebuild/artifacts.ts";
import type { BuildJob } from "../../local/codebuild/runner.ts";
import type { Gateway } from "../../local/gateway.ts";
import { createRequestHandler } from "../../local/handover.ts";
import { type Provisioned, type Provisioning, provision } from "../../local/provision.ts";
import { roleNames } from "../../local/provision-roles.ts";
import type { ServiceEvent } from "../../local/world.ts";
import { type Behaviour, type CommitBehaviour, createBehaviours } from "./behaviour.ts";
import { type BuildDeeds, createBuilds } from "./builds.ts";
import { connectAsAdministrator, connectAsWhoRuns, connectInRole } from "./credentials.ts";
import { oneEnvironment } from "./environments.ts";
import { createConsole, type EndedExecution, endOf } from "./executions.ts";
import { addBundles, createFunctions, loadHandlers, type OtherAnswers } from "./functions.ts";
import { keepImagesInMemory } from "./images-in-memory.ts";
import { createInvocations, type Invocation } from "./invocations.ts";
import { createMigrations } from "./migrations.ts";
import { createPushes, type Push } from "./pushes.ts";
import { logIn, pastTheDoor } from "./registry.ts";
import { decided, lighten } from "./sdk-clients.ts";
import type { Call, Seams } from "./seams.ts";
import { seeded } from "./seeded.ts";
import { createServices } from "./services.ts";
import { createMemoryTable, type MemoryTable } from "./table/memory-table.ts";
import { createTurns } from "./turns.ts";

export type { Behaviour, CommitBehaviour, StageBehaviour } from "./behaviour.ts";
export type { EndedExecution } from "./executions.ts";
export { seeded } from "./seeded.ts";

const root = resolve(import.meta.dirname, "../..");
const prefix = "spillway";

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
  /** The tables, if they are in memory. */
  readonly table: MemoryTable;
  /** Pushes the images of a commit of any service, while the world goes on. */
  readonly pushImages: Push;
  /** The image that answers at the address of a service. */
  imageAt(url: string): string | undefined;
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
  /** Has something done right before a function is invoked, once. */
  before(name: string, act: () => Promise<unknown>): void;
  /** The execution for which a function is called next; undefined if that takes longer than so many seconds. */
  nextToCall(name: string, seconds: number): Promise<string | undefined>;
  /** Waits until a release has ended. */
  ended(release: string): Promise<Release>;
  /** What answers at the service's address now: the tag of the image. */
  serving(): string | undefined;
  /** The connection of who administers the account where an environment of the service is. */
  connectionIn(environment: string): Promise<Connection>;
  /** The same in one environment, by its target. */
  servingIn(environment: string): Promise<string | undefined>;
  /** Starts the deploy machine with this input and waits for its end. */
  deploy(input: object): Promise<EndedExecution>;
  /** Installs another version of Spillway over this one, whatever is under way: its state machines and its functions. */
  upgrade(next: { readonly root: string; readonly answers: OtherAnswers }): Promise<void>;
  close(): Promise<void>;
}

/** How a world differs from the usual one. */
export interface WorldOptions {
  /** What keeps the tables: memory unless said, or dynalite as on a laptop. */
  readonly tables?: "memory" | "dynalite";
  /** The folder with the state machines; the repository's unless said. */
  readonly root?: string;
  /** When rules fire that do so regularly, by their names; as the application says unless said. */
  readonly schedules?: Readonly<Record<string, string>>;
  readonly seams?: (clock: VirtualClock) => Seams;
}

/** Makes a world from a seed and a config: the example in one environment unless another is given. */
export async function createWorld(
  seed = 1,
  input: ConfigInput = oneEnvironment(),
  secretValues: Readonly<Record<string, string>> = {},
  options: WorldOptions = {},
): Promise<SimulatedWorld> {
  const clock = createVirtualClock({ start: Date.UTC(2026, 0, 1) });
  const folder = await mkdtemp(join(tmpdir(), "spillway-simulation-"));
  const config = parseConfig(input);
  const application = withSchedules(describeApplication(config, prefix), options.schedules ?? {});
  const events: ServiceEvent[] = [];
  const requests = new Map<string, number>();

  const before = new Map<string, () => Promise<unknown>>();
  const seams = options.seams?.(clock) ?? {};
  const table = createMemoryTable(seams.index);
  const turns = createTurns(clock);
  const invocations = createInvocations(seams.begin);
  const behaviours = createBehaviours();
  const services = createServices(clock, behaviours, seams.effect);
  const migrations = createMigrations(clock, behaviours, seams.effect);
  const pushesTo = createPushes(clock, behaviours);
  const push = pushesTo(pastTheDoor(() => aws.images));
  const registryOf = ({ as: { roleArn = "", sessionName } }: BuildJob) => {
    // A build is no function: it takes no turn.
    const client = { ...connection.client, requestHandler: createRequestHandler(aws.gateway, clock) };
    return logIn(aws.gateway, connectInRole({ ...connection, client }, aws.iam, { roleArn, sessionName }));
  };
  const deeds: BuildDeeds = {
    async push(commit, job) {
      const { pushes = true, ...behaviour } = behaviours.ofCommit(commit) ?? {};
      if (pushes) await pushesTo(await registryOf(job))(commit.slice(0, 12), behaviour, commit);
    },
    pull: async (image, job) => (await registryOf(job)).pull(image),
    keepArtifacts: (job) => authorizeArtifacts(aws.world, job),
  };
  const builds = createBuilds(clock, behaviours, deeds, seams.effect);

  const aws = await createLocalAws({
    clock,
    random: seeded(seed),
    folder,
    images: keepImagesInMemory(),
    logFiles: false,
    endpoint: () => decided.endpoint,
    ...(seams.event === undefined ? {} : { carry: seams.event }),
    onEvent: (event) => {
      events.push(event);
      people.hear(event);
    },
    runners: async () => ({
      functions: createFunctions(
        () => handlers,
        turns,
        invocations,
        async (name) => {
          const act = before.get(name);
          before.delete(name);
          if (act !== undefined) await turns.run(`what comes before ${name}`, act);
        },
      ),
      builds,
      containers: {
        start: async (request) =>
          request.environment.PORT === undefined ? migrations.run(request) : services.run(request),
      },
      frontDesk: { open: async (_port, onAnswer) => services.openFront(onAnswer) },
      probe: services.probe,
      freePort: services.freePort,
      ...(options.tables === "dynalite" ? {} : { dynamoDb: table }),
    }),
  });

  const counted: Gateway = {
    ...aws.gateway,
    handle(request) {
      const operation = request.headers["x-amz-target"] ?? `${request.method} ${request.path}`;
      requests.set(operation, (requests.get(operation) ?? 0) + 1);
      const invocation = invocations.current();
      const send = () => aws.gateway.handle(request);
      const { call = (_call: Call, go: typeof send) => go() } = seams;
      return turns.away(() => heard(invocation, () => call({ operation, invocation, request }, send)));
    },
  };
  const connection: Connection = {
    now: () => clock.now() + skewOf(invocations.current(), seams),
    fetch: (target) => {
      const url = new URL(String(target));
      const fetched = () =>
        url.pathname.startsWith("/ecr-layers/") ? fetchLayer(aws.gateway, url) : services.answer(url);
      return turns.away(() => heard(invocations.current(), fetched));
    },
    client: {
      maxAttempts: 1,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
      requestHandler: createRequestHandler(counted, clock),
      ...decided,
      onClient: lighten,
      // Nobody between here and the services could forge a request.
      signer: { sign: async (request) => request },
    },
  };
  const keys = new Map<string, Credentials>();
  const ofFunctions = connectAsWhoRuns(connection, () => {
    const name = invocations.current()?.name ?? "";
    const known = keys.get(name);
    if (known === undefined) throw new Error(`no role for "${name}"`);
    return known;
  });
  const people = createConsole(connection, (machine) => made.machines[machine]);
  const placeOf = (name: string): Place => {
    const session = {
      roleArn: `arn:aws:iam::${aws.world.accountId}:role/${roleNames.function(application, name)}`,
      sessionName: `${prefix}-${name}`,
    };
    keys.set(name, aws.iam.mint(session));
    return {
      // Each has one of its own: a role that it takes in another account is taken by that connection.
      connection: { ...ofFunctions },
      environment: { table: `${prefix}-records`, region: "us-east-1" },
      sleep: (milliseconds) => {
        const invocation = invocations.current();
        return turns.away(() => heard(invocation, () => sleep(clock, milliseconds)));
      },
    };
  };
  const handlers = await loadHandlers(application, placeOf);
  const bundles = new Map(application.functions.map(({ file }) => [file, file]));
  const secrets = Object.fromEntries(
    [application, ...application.members]
      .flatMap(({ secrets }) => secrets)
      .map((name) => [
        name,
        secretValues[name] ?? JSON.stringify({ url: `postgres://simulated/${name}`, ca: "simulated" }),
      ]),
  );
  const provisioning = { application, config, prefix, root: options.root ?? root, bundles, secrets };
  const made = await provision(aws, provisioning);
  const records = connectRecords(connection, made.table);

  async function connectionIn(environment: string): Promise<Connection> {
    const member = application.members.find(({ environments }) =>
      environments.some((one) => one.environment === environment),
    );
    return member === undefined ? connection : connectAsAdministrator(connection, member.account);
  }

  async function nextToCall(name: string, seconds: number): Promise<string | undefined> {
    const isFound = new AbortController();
    const inVain = sleep(clock, seconds * 1000, isFound.signal).then(
      () => undefined,
      () => undefined,
    );
    const found = await Promise.race([invocations.next(name), inVain]);
    isFound.abort();
    return found?.execution;
  }

  async function ended(id: string): Promise<Release> {
    for (;;) {
      const release = await records.release(id);
      if (release?.endedAt !== undefined) return release;
      await sleep(clock, 5_000);
    }
  }

  return {
    clock,
    aws,
    made,
    provisioning,
    events,
    requests,
    records,
    connection,
    table,
    pushImages: push,
    imageAt: services.imageAt,
    push: (tag, behaviour) => clock.runUntil(push(tag, behaviour)),
    told: builds.told,
    commit: (commit, behaviour = {}) => behaviours.setCommit(commit, behaviour),
    start: (input) => clock.runUntil(people.run("ReleaseMachine", input)),
    before: (name, act) => void before.set(`${prefix}-${name}`, act),
    nextToCall,
    ended: (id) => clock.runUntil(ended(id)),
    deploy: (input) => clock.runUntil(people.run("DeployMachine", input).then(endOf)),
    connectionIn: (environment) => clock.runUntil(connectionIn(environment)),
    async servingIn(environment) {
      const target = connectAppRunner(await clock.runUntil(connectionIn(environment)));
      const { url } = await clock.runUntil(target.describe(`${prefix}-web-${environment}`));
      return services.tagAt(url ?? "");
    },
    async release(tag, behaviour) {
      const end = people.nextEnd((detail) => detail.stateMachineArn === made.machines.ReleaseMachine);
      const digest = await clock.runUntil(push(tag, behaviour));
      await clock.runUntil(end);
      return `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
    },
    serving: () => services.tagAt(),
    async upgrade({ root, answers }) {
      const bundles = addBundles(handlers, application, root, answers);
      // No time passes meanwhile: what it reads from the disk is nothing that the clock sees.
      const upgraded = provision(aws, { ...provisioning, root, bundles });
      await clock.runUntil(clock.busy(upgraded, "the upgrade"));
    },
    async close() {
      await clock.runUntil(aws.stop());
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function withSchedules(
  application: Application,
  schedules: NonNullable<WorldOptions["schedules"]>,
): Application {
  const rules = application.rules.map((rule) => {
    const schedule = schedules[rule.name];
    return schedule === undefined ? rule : { ...rule, schedule };
  });
  return { ...application, rules };
}

/** Whether a process that has gone asks or would be answered: it hears nothing any more. */
async function heard<Answer>(
  invocation: Invocation | undefined,
  call: () => Promise<Answer>,
): Promise<Answer> {
  if (invocation?.isOver() === true) return never();
  const answer = await call();
  return invocation?.isOver() === true ? never() : answer;
}

function never(): Promise<never> {
  return new Promise(() => {});
}

function skewOf(invocation: Invocation | undefined, { skew }: Seams): number {
  return invocation === undefined ? 0 : (skew?.(invocation) ?? 0);
}

async function fetchLayer(gateway: Gateway, { pathname }: URL): Promise<Response> {
  const { status, body } = await gateway.handle({
    method: "GET",
    path: pathname,
    query: {},
    headers: {},
    body: new Uint8Array(),
  });
  return new Response(Buffer.from(body), { status });
}
