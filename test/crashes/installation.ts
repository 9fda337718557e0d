import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  DescribeExecutionCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  paginateGetExecutionHistory,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import pg from "pg";
import * as z from "zod";
import { connect } from "../../aws/connection.ts";
import { connectRecords, type Records } from "../../aws/dynamodb.ts";
import type { ConfigInput } from "../../core/config.ts";
import { type Command, node, root, startCommand } from "../cli/command.ts";
import { familyOf, type SeenProcess } from "../cli/processes.ts";

/** What the migrators of the example hold while they work (examples/web/migrate/migrator.ts). */
const MIGRATION_LOCK = 7_300_412_951;
const POLL_MILLISECONDS = 100;
/** Real processes on a machine that may be busy. */
const PATIENCE_MILLISECONDS = 120_000;

const databaseSecret = "web/production/database";

/** The example in one environment with one quick stage, which passes while there is a file `gate`. */
function configWith(gate: string): ConfigInput {
  const buildspec = {
    version: 0.2,
    phases: { build: { commands: [`until [ -e '${gate}' ]; do sleep 0.1; done`] } },
  };
  return {
    services: {
      web: {
        image: { repository: "web" },
        migration: { repository: "web-migrate" },
        source: { location: "https://github.com/example/spillway.git" },
        stages: { check: { buildspec: JSON.stringify(buildspec, null, 1) } },
        tracks: [["check"]],
        environments: {
          production: {
            target: {
              kind: "apprunner",
              secrets: { DATABASE_URL: databaseSecret },
              healthCheck: { intervalSeconds: 1 },
            },
            database: { secret: databaseSecret },
            health: { path: "/health", intervalSeconds: 1, consecutiveSuccesses: 1, commitMember: "commit" },
          },
        },
        waves: [["production"]],
      },
    },
  };
}

/** `npm start` in a folder, and what a person can see of it and do to it from outside. */
export interface Installation {
  /** Where its stage looks whether it may pass. */
  readonly gate: string;
  /** Starts the command, in the folder that an earlier one may have left. */
  start(...words: string[]): Command;
  /** The processes that the command started and that are what is asked for. */
  find(is: (process: SeenProcess) => boolean): Promise<SeenProcess[]>;
  readonly records: () => Promise<Records>;
  /** Starts a release of what was pushed, as a person does, who says so much more. @returns the execution's ARN. */
  release(more?: { readonly force: true; readonly reason: string }): Promise<string>;
  /** How an execution ended, once it has. */
  end(executionArn: string): Promise<{ status: string; release: string }>;
  /** Waits until the functions of these states have processes. */
  warm(states: readonly string[]): Promise<void>;
  /** Stops the process of a function, so that its next invocation is begun and goes no further. @returns it. */
  hold(state: string): Promise<number>;
  /** Waits until the function of a state was invoked and has not answered. */
  begun(state: string): Promise<void>;
  /** How often the function of a state died while it worked, in all executions. */
  deaths(state: string): Promise<number>;
  /** Holds the database's migration lock until it is given back: what migrates waits for it. */
  lockMigrations(): Promise<() => Promise<void>>;
}

/** @param folder the installation's own; nothing else is written. */
export async function createInstallation(folder: string): Promise<Installation> {
  const state = join(folder, "state");
  const gate = join(folder, "gate");
  const config = join(folder, "config.ts");
  await writeFile(config, `export default ${JSON.stringify(configWith(gate))};`);
  let command: Command | undefined;

  const client = async () => {
    const text = await until("an address", () =>
      readFile(join(state, "address.json"), "utf8").catch(() => ""),
    );
    const { url: endpoint, region } = z
      .object({ url: z.string(), region: z.string() })
      .parse(JSON.parse(text));
    return { endpoint, region, credentials: { accessKeyId: "local", secretAccessKey: "local" } };
  };
  const machine = (name: string) => `arn:aws:states:us-east-1:000000000000:stateMachine:spillway-${name}`;
  const find: Installation["find"] = async (is) =>
    command === undefined ? [] : (await familyOf(command.id)).filter(is);

  async function histories(status?: "RUNNING"): Promise<HistoryEvent[][]> {
    const sfn = new SFNClient(await client());
    const found: HistoryEvent[][] = [];
    for (const name of ["ReleaseMachine", "DeployMachine"]) {
      const { executions = [] } = await sfn.send(
        new ListExecutionsCommand({
          stateMachineArn: machine(name),
          ...(status && { statusFilter: status }),
        }),
      );
      for (const { executionArn } of executions) {
        const events: HistoryEvent[] = [];
        for await (const page of paginateGetExecutionHistory({ client: sfn }, { executionArn }))
          events.push(...(page.events ?? []));
        found.push(events);
      }
    }
    sfn.destroy();
    return found;
  }

  return {
    gate,
    start(...words) {
      command = startCommand(node, [
        join(root, "cli/start.ts"),
        "--folder",
        state,
        "--config",
        config,
        ...words,
      ]);
      return command;
    },
    find,
    records: async () => connectRecords({ ...connect(), client: await client() }, "spillway-records"),
    async release(more) {
      const sfn = new SFNClient(await client());
      const [pushed = ""] = /(?<=pushed +web:)\w+/.exec(command?.lines.join("\n") ?? "") ?? [];
      const input = JSON.stringify({ service: "web", tag: pushed || (await liveTag()), ...more });
      const started = await sfn.send(
        new StartExecutionCommand({ stateMachineArn: machine("ReleaseMachine"), input }),
      );
      return started.executionArn ?? "";
    },
    async end(executionArn) {
      const sfn = new SFNClient(await client());
      const status = await until(`end of ${executionArn}`, async () => {
        const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        return described.status !== "RUNNING" && described.status;
      });
      return { status, release: await releaseOf(executionArn) };
    },
    async warm(states) {
      await until(`processes of ${states.join(", ")}`, async () => {
        const all = await find(({ text }) => text.includes("AWS_LAMBDA_FUNCTION_NAME="));
        return states.every((name) => all.some(isOf(name)));
      });
    },
    async hold(name) {
      const { id } = await until(`process of ${name}`, async () => (await find(isOf(name)))[0]);
      process.kill(id, "SIGSTOP");
      return id;
    },
    begun: async (name) =>
      void (await until(`an invocation of ${name}`, async () =>
        (await histories("RUNNING")).some((events) => isWorking(events, name)),
      )),
    async deaths(name) {
      let count = 0;
      for (const events of await histories())
        for (const { state: of, event } of withStates(events))
          if (of === name && event.taskFailedEventDetails?.error === "Runtime.ExitError") count++;
      return count;
    },
    async lockMigrations() {
      const secrets = new SecretsManagerClient(await client());
      const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: databaseSecret }));
      const database = new pg.Client({ connectionString: SecretString });
      // The database goes with the local AWS that is killed.
      database.on("error", () => {});
      await database.connect();
      await database.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
      return () => database.end().catch(() => undefined);
    },
  };

  /** The release that an execution opened: an attempt at the image whose first the command has named. */
  async function releaseOf(executionArn: string): Promise<string> {
    const records = connectRecords({ ...connect(), client: await client() }, "spillway-records");
    const [image = ""] = /web-[0-9a-f]{12}(?=-\d)/.exec(command?.lines.join("\n") ?? "") ?? [];
    for (let attempt = 1; ; attempt++) {
      const found = await records.release(`${image}-${attempt}`);
      if (found === undefined) throw new Error(`${executionArn} opened no release.`);
      if (found.executionArn === executionArn) return found.id;
    }
  }

  async function liveTag(): Promise<string> {
    const records = connectRecords({ ...connect(), client: await client() }, "spillway-records");
    const { live } = await records.environment("web", "production");
    return live?.commit?.slice(0, 7) ?? "";
  }
}

const isOf =
  (name: string) =>
  ({ text }: SeenProcess) =>
    text.includes(`AWS_LAMBDA_FUNCTION_NAME=spillway-${name}\0`);

/** Whether the last that is known of a state's function is that it was given its work. */
function isWorking(events: readonly HistoryEvent[], state: string): boolean {
  const types = withStates(events)
    .filter((one) => one.state === state)
    .map(({ event }) => event.type ?? "");
  return types.at(-1) === "TaskStarted";
}

/** Every event with the state that it belongs to. */
function withStates(events: readonly HistoryEvent[]): { state: string; event: HistoryEvent }[] {
  const states = new Map<number, string>();
  return events.map((event) => {
    const state = event.stateEnteredEventDetails?.name ?? states.get(event.previousEventId ?? 0) ?? "";
    states.set(event.id ?? 0, state);
    return { state, event };
  });
}

/** Waits until there is something. @throws Error naming it when it has not come in two minutes. */
export async function until<Value>(
  what: string,
  look: () => Promise<Value | undefined | false | "">,
): Promise<Value> {
  for (const deadline = performance.now() + PATIENCE_MILLISECONDS; performance.now() < deadline; ) {
    const found = await look();
    if (found !== undefined && found !== false && found !== "") return found;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
  throw new Error(`There was no ${what} within ${PATIENCE_MILLISECONDS / 1000} s.`);
}
