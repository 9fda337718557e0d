import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { readLoginRequest } from "./arguments.ts";
import { isEcr } from "./reference.ts";
import { RefusalError } from "./refusal.ts";
import type { Surroundings } from "./surroundings.ts";

/** User and password of a registry. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** The part of Docker's own settings file that is of use here. */
interface DockerConfig {
  auths?: Record<string, { auth?: string }>;
}

/** `docker login`: asks the local registry whether it takes the password, and keeps it where Docker does. */
export async function logIn(words: readonly string[], around: Surroundings): Promise<void> {
  const request = readLoginRequest(words);
  if (!isEcr(request.registry, around.endpoint))
    throw new RefusalError(
      `docker login ${request.registry}: only ACCOUNT.dkr.ecr.REGION.amazonaws.com is served here.`,
    );
  const password = request.password ?? (await text(around.input)).replace(/\r?\n$/, "");
  if (password === "") throw new RefusalError("docker login: the password is empty.");
  const auth = Buffer.from(`${request.user}:${password}`).toString("base64");
  const answer = await fetch(new URL("/v2/", around.endpoint), {
    headers: { authorization: `Basic ${auth}` },
  });
  await answer.arrayBuffer();
  if (!answer.ok)
    throw new RefusalError(`Error response from daemon: login attempt failed with status: ${answer.status}`);
  const config = await readConfig(around);
  await writeConfig(around, { ...config, auths: { ...config.auths, [request.registry]: { auth } } });
  around.print("Login Succeeded");
}

/** `docker logout`. */
export async function logOut([registry = ""]: readonly string[], around: Surroundings): Promise<void> {
  const { auths = {}, ...config } = await readConfig(around);
  delete auths[registry];
  await writeConfig(around, { ...config, auths });
  around.print(`Removing login credentials for ${registry}`);
}

/** @throws RefusalError in Docker's words when nobody has logged in. */
export async function credentialsOf(registry: string, around: Surroundings): Promise<Credentials> {
  const auth = (await readConfig(around)).auths?.[registry]?.auth;
  const [user, ...password] = Buffer.from(auth ?? "", "base64")
    .toString()
    .split(":");
  if (user !== undefined && user !== "") return { user, password: password.join(":") };
  throw new RefusalError(
    `no basic auth credentials; run aws ecr get-login-password | docker login --username AWS --password-stdin ${registry}`,
  );
}

const configFile = ({ environment }: Surroundings) =>
  join(environment.DOCKER_CONFIG ?? join(environment.HOME ?? "/", ".docker"), "config.json");

async function readConfig(around: Surroundings): Promise<DockerConfig> {
  return readFile(configFile(around), "utf8").then(
    (content): DockerConfig => JSON.parse(content),
    () => ({}),
  );
}

async function writeConfig(around: Surroundings, config: DockerConfig): Promise<void> {
  const file = configFile(around);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(config, undefined, 2));
  await chmod(file, 0o600);
}
