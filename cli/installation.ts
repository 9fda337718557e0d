import { join, resolve } from "node:path";
import type { Connection } from "../aws/connection.ts";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import type { Config } from "../core/config.ts";
import { describeApplication } from "../infra/application.ts";
import { buildFunctions } from "../infra/build.ts";
import type { Clock } from "../local/asl/clock.ts";
import type { Resumed } from "../local/aws.ts";
import { type Laptop, startLaptop } from "../local/laptop.ts";
import { type Postgres, startPostgres } from "../local/postgres.ts";
import { type Provisioned, provision } from "../local/provision.ts";
import type { ServiceEvent } from "../local/world.ts";
import { keepAddress } from "./address.ts";
import { ConfigFileError } from "./config-file.ts";
import type { Ending } from "./ending.ts";
import { cloneExample, type ExampleSource } from "./example.ts";
import { readNetworkSettings } from "./network-settings.ts";
import { takeFolder } from "./state-folder.ts";

const root = resolve(import.meta.dirname, "..");

/** Spillway installed in a local AWS, and all that runs for it. */
export interface Installation {
  readonly clock: Clock;
  readonly config: Config;
  /** What physical names begin with. */
  readonly prefix: string;
  /** Where the running services keep their files. */
  readonly folder: string;
  /** What an earlier start had left open, and what became of it. */
  readonly resumed: Resumed;
  readonly network: Readonly<Record<string, string>>;
  readonly source: ExampleSource;
  readonly laptop: Laptop;
  readonly made: Provisioned;
  readonly connection: Connection;
  readonly records: Records;
  /** How long it took to start. */
  readonly readyMilliseconds: number;
  /** Tells a watcher of every event of a service. @returns what ends that. */
  watch(watcher: (event: ServiceEvent) => void): () => void;
}

/**
 * Starts the local AWS with all that it needs and installs Spillway in it. `ending` owns whatever was started.
 * @throws ConfigFileError, FolderInUseError, StateFormatError, PortInUseError, ExampleError, PostgresError,
 * ProvisioningError
 */
export async function startInstallation(
  options: {
    readonly clock: Clock;
    readonly config: Config;
    readonly prefix: string;
    /** The state folder; absolute. */
    readonly folder: string;
    /** Whether what earlier starts kept is deleted first. */
    readonly fresh: boolean;
    /** Undefined: 4566, or the next free one. */
    readonly port: number | undefined;
    readonly onEvent: (event: ServiceEvent) => void;
    readonly onFault: (where: string, error: unknown) => void;
  },
  ending: Ending,
): Promise<Installation> {
  const { clock, config, prefix } = options;
  const began = clock.now();
  const application = describeApplication(config, prefix);
  if (config.services.web === undefined)
    throw new ConfigFileError(
      `The config describes no service web, which is what npm start releases; it has ${Object.keys(config.services).join(", ") || "none"}.`,
    );
  const { run: folder, state } = await ending.own(
    takeFolder(options.folder, clock, { fresh: options.fresh }),
    (taken) => taken.release(),
  );
  const network = readNetworkSettings(process.env);
  const watchers = new Set([options.onEvent]);
  const sourceFolder = join(state, "source");

  // Ended in the other order: what the local AWS runs goes before the database that it uses.
  const postgresStarts = ending.own(startPostgres({ folder: join(state, "postgres"), clock }), (started) =>
    started.stop(),
  );
  const laptopStarts = ending.own(
    startLaptop({
      clock,
      folder,
      keep: state,
      port: options.port,
      path: process.env.PATH ?? "",
      network,
      sources: () => sourceFolder,
      onEvent: (event) => {
        for (const watch of watchers) watch(event);
      },
      onFault: options.onFault,
    }),
    (started) => started.stop(),
  );
  const [laptop, postgres, source, bundles] = await Promise.all([
    laptopStarts,
    postgresStarts,
    cloneExample(clock, root, sourceFolder),
    buildFunctions(
      root,
      application.functions.map(({ file }) => file),
      join(folder, "functions"),
    ),
  ]);
  const secrets = await createDatabases(config, postgres);
  const made = await provision(laptop.aws, {
    application,
    config,
    prefix,
    root,
    bundles,
    secrets,
  });
  const { region } = laptop.aws.world;
  await ending.own(keepAddress(options.folder, { url: laptop.url, region, prefix }), (forget) => forget());
  ending.signal.throwIfAborted();
  laptop.prewarm();
  const resumed = await laptop.aws.resume();
  const connection = connectionTo(laptop, clock);
  return {
    ...{ clock, config, prefix, folder, resumed, network, source, laptop, made, connection },
    records: connectRecords(connection, made.table),
    readyMilliseconds: clock.now() - began,
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/**
 * A database for each environment that has one. @returns values by the name of their secret: JSON with `url` and `ca`,
 * or, where the config names no key, a URL that says where the certificate of the authority is.
 */
async function createDatabases(config: Config, postgres: Postgres): Promise<Record<string, string>> {
  const secrets: Record<string, string> = {};
  for (const [service, { environments }] of Object.entries(config.services))
    for (const [environment, { database }] of Object.entries(environments)) {
      if (database === undefined || database === "none") continue;
      const { url, ca } = await postgres.createDatabase(`${service}_${environment}`);
      const [name = "", key] = database.secret.split(":");
      secrets[name] =
        key === undefined
          ? `${url}&sslrootcert=${encodeURIComponent(postgres.caFile)}`
          : JSON.stringify({ url, ca });
    }
  return secrets;
}

function connectionTo({ url, aws }: Laptop, clock: Clock): Connection {
  return {
    now: clock.now,
    fetch,
    client: {
      endpoint: url,
      region: aws.world.region,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    },
  };
}
