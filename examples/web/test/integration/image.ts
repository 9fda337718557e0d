import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

/** The part of an image that is ours: its working folder, and how its program is started. */
export interface Image {
  /** Where the working folder is on this machine. */
  readonly folder: string;
  /** Entrypoint: the program and its first words. */
  readonly entrypoint: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** An image cannot be fetched from its registry. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

interface Descriptor {
  readonly digest: string;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

interface ImageConfig {
  readonly config?: {
    readonly Entrypoint?: readonly string[] | null;
    readonly Env?: readonly string[] | null;
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
  };
}

const MANIFEST_TYPES = ["oci.image.index.v1", "oci.image.manifest.v1"]
  .map((type) => `application/vnd.${type}+json`)
  .concat("application/vnd.docker.distribution.manifest.list.v2+json")
  .concat("application/vnd.docker.distribution.manifest.v2+json")
  .join(", ");

/** How to read from registries. */
export interface RegistryAccess {
  /** What `aws ecr get-login-password` says; undefined where the registry asks for none. */
  readonly token: string | undefined;
  /** Where to ask instead of the registry that an image names: a local AWS stands for all of them. */
  readonly endpoint: string | undefined;
}

/**
 * Fetches an image from its registry and unpacks its working folder beneath `folder`. Every byte is checked against
 * the digest. Throws ImageError.
 * @param reference `REGISTRY/REPOSITORY@sha256:…`: a tag may have moved since it was tested last.
 */
export async function fetchImage(reference: string, folder: string, access: RegistryAccess): Promise<Image> {
  const [, host, repository, digest] = /^([^/]+)\/([^@:]+)@(sha256:[0-9a-f]{64})$/.exec(reference) ?? [];
  if (host === undefined || repository === undefined || digest === undefined) {
    throw new ImageError(`"${reference}" is no image by digest, such as REGISTRY/web@sha256:….`);
  }
  const get = connect(`${access.endpoint ?? `https://${host}`}/v2/${repository}`, access.token);
  const manifest = await readManifest(get, digest);
  if (manifest.config === undefined) throw new ImageError(`${reference} is no image for this machine.`);
  const { config = {} }: ImageConfig = JSON.parse(String(await get("blobs", manifest.config.digest)));
  const workingFolder = (config.WorkingDir ?? "/").slice(1);
  if (workingFolder === "") throw new ImageError(`${reference} has no working folder of its own.`);
  await mkdir(folder, { recursive: true });
  for (const layer of manifest.layers ?? []) {
    await applyLayer(await get("blobs", layer.digest), workingFolder, folder);
  }
  return {
    folder: join(folder, workingFolder),
    entrypoint: config.Entrypoint ?? [],
    environment: Object.fromEntries(
      (config.Env ?? []).map((pair) => [pair.split("=", 1)[0] ?? "", pair.slice(pair.indexOf("=") + 1)]),
    ),
    labels: config.Labels ?? {},
  };
}

type Registry = (kind: "manifests" | "blobs", digest: string) => Promise<Buffer>;

/** Reads manifests and blobs of a repository, as docker does. */
function connect(base: string, token: string | undefined): Registry {
  const headers = {
    accept: `${MANIFEST_TYPES}, */*`,
    ...(token ? { authorization: `Basic ${Buffer.from(`AWS:${token}`).toString("base64")}` } : {}),
  };
  return async (kind, digest) => {
    const answer = await fetch(`${base}/${kind}/${digest}`, { headers }).catch((cause: unknown) => {
      throw new ImageError(`${base} cannot be reached.`, { cause });
    });
    if (!answer.ok)
      throw new ImageError(`${base} answered ${answer.status} when asked for ${kind} ${digest}.`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const found = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    if (found !== digest) throw new ImageError(`What came for ${digest} has the digest ${found}.`);
    return bytes;
  };
}

/** The manifest itself; of an index, the one for this machine. */
async function readManifest(registry: Registry, digest: string): Promise<Manifest> {
  const manifest: Manifest = JSON.parse(String(await registry("manifests", digest)));
  if (manifest.manifests === undefined) return manifest;
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const child =
    manifest.manifests.find(({ platform }) => platform?.architecture === architecture) ??
    manifest.manifests.find(({ platform }) => platform?.os === "linux");
  return child === undefined ? {} : JSON.parse(String(await registry("manifests", child.digest)));
}

const run = promisify(execFile);

/** Unpacks what a layer holds of the working folder, and removes what it hides of the layers beneath. */
async function applyLayer(layer: Buffer, workingFolder: string, folder: string): Promise<void> {
  const [archive, list] = [join(folder, ".layer"), join(folder, ".list")];
  await writeFile(archive, layer);
  const { stdout } = await run("tar", ["-tf", archive], { maxBuffer: 64 * 1024 * 1024 });
  const names = stdout.split("\n").filter((name) => {
    const path = name.replace(/^(\.?\/)+/, "");
    return path === workingFolder || path.startsWith(`${workingFolder}/`);
  });
  const isWhiteout = (name: string) => basename(name).startsWith(".wh.");
  for (const name of names.filter(isWhiteout)) {
    const hidden = basename(name).slice(".wh.".length);
    // ".wh..wh..opq" hides a whole folder; our images have none, and guessing would test other files than theirs.
    if (hidden === ".wh..opq")
      throw new ImageError(`A layer replaces the folder ${dirname(name)} as a whole.`);
    await rm(join(folder, dirname(name), hidden), { recursive: true, force: true });
  }
  // A folder in the list would bring all that is in it, and tar then miss the files named after it.
  const files = names.filter((name) => !name.endsWith("/") && !isWhiteout(name));
  if (files.length > 0) {
    await writeFile(list, files.join("\n"));
    await run("tar", ["-xf", archive, "-C", folder, "-T", list]);
  }
  await rm(archive);
}
