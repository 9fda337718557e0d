import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { type Connection, connect } from "../aws/connection.ts";

/** Where an installation answers. */
export interface Address {
  readonly connection: Connection;
  /** What its physical names begin with. */
  readonly prefix: string;
}

/** There is nothing to ask. */
export class NoInstallationError extends Error {
  override readonly name = "NoInstallationError";
  constructor(folder: string) {
    super(
      `No installation is running in ${folder}. Start it with npm start, or name another folder with --folder DIR; for one in AWS set AWS_REGION and your credentials.`,
    );
  }
}

const Kept = z.object({ url: z.url(), region: z.string(), prefix: z.string() });

/** Keeps the address of a running local AWS in its state folder, for the other commands. @returns what forgets it. */
export async function keepAddress(
  folder: string,
  address: z.infer<typeof Kept>,
): Promise<() => Promise<void>> {
  const file = join(folder, "address.json");
  await writeFile(file, JSON.stringify(address));
  return () => rm(file, { force: true });
}

/**
 * The installation that a command is about: the local AWS that runs in `folder`, else the one in AWS that the
 * standard environment variables name.
 * @throws NoInstallationError
 */
export async function findInstallation(
  folder: string,
  prefix: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Address> {
  const kept = await readKept(folder);
  if (kept !== undefined) {
    const { url: endpoint, region } = kept;
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    return { prefix: kept.prefix, connection: { ...connect(), client: { endpoint, region, credentials } } };
  }
  if (environment.AWS_ENDPOINT_URL === undefined && environment.AWS_REGION === undefined)
    throw new NoInstallationError(folder);
  return { prefix, connection: connect() };
}

async function readKept(folder: string): Promise<z.infer<typeof Kept> | undefined> {
  try {
    return Kept.parse(JSON.parse(await readFile(join(folder, "address.json"), "utf8")));
  } catch {
    // Not there, or left half written by a killed run: nothing answers there either way.
    return undefined;
  }
}
