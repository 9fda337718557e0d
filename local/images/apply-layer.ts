import { createReadStream, createWriteStream } from "node:fs";
import { chmod, link, lstat, mkdir, readdir, readlink, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, posix, relative, sep } from "node:path";
import { PassThrough, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { extract, type Header } from "tar-stream";

/** A layer that is not laid over anything: it is broken, too large, or would reach out of its image. */
export class LayerError extends Error {
  override readonly name = "LayerError";
}

/** What the layers of one image may use up together. It shrinks as they are applied. */
export interface LayerBudget {
  /** Of the tar, once decompressed. */
  bytes: number;
  entries: number;
}

/** What is written for a link to `target` that lies in this folder of the image, such as `/app`. */
type WriteLink = (target: string, folder: string) => string;

/** The longest path that an operating system takes; a longer one would only keep us busy. */
const LONGEST_PATH = 4096;

/**
 * Lays a layer over a folder that stands for an image's root. Layers come from strangers: nothing is written outside
 * the root, whatever their paths and links say, and no device, pipe or set-user-id program is made.
 * @param writeLink what is written for a link; unless given, one that means in the folder what it means in the image,
 *   wherever the folder is moved to.
 * @throws LayerError, and then a part of the layer may have been written.
 */
export async function applyLayer(
  path: string,
  mediaType: string,
  root: string,
  budget: LayerBudget,
  writeLink: WriteLink = linkInside,
): Promise<void> {
  const layer = await openLayer(root, writeLink);
  const entries = extract();
  // Nothing is awaited from here until the entries are: one that came, or an end, that nobody heard of is waited for
  // forever.
  let broken: unknown;
  const flowing = pipeline(createReadStream(path), decoderOf(mediaType), meterOf(budget), entries).catch(
    (error: unknown) => {
      broken = error;
    },
  );
  try {
    for await (const entry of entries) {
      budget.entries -= 1;
      if (budget.entries < 0) throw new LayerError("the image has more entries than an image may have");
      await apply(entry, layer);
      entry.resume();
    }
    await flowing;
  } catch (error) {
    throw asLayerError([error, broken]);
  }
  if (broken !== undefined) throw asLayerError([broken]);
}

function decoderOf(mediaType: string) {
  if (mediaType.endsWith("gzip")) return createGunzip();
  return mediaType.endsWith("zstd") ? createZstdDecompress() : new PassThrough();
}

/** Counts what comes out of the decoder: a few bytes may stand for very many. */
function meterOf(budget: LayerBudget): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      budget.bytes -= chunk.length;
      if (budget.bytes < 0) done(new LayerError("the image is larger unpacked than an image may be"));
      else done(null, chunk);
    },
  });
}

/** The error that explains the others: streams that end each other all report something. */
function asLayerError(errors: readonly unknown[]): LayerError {
  const told = errors.filter((error) => error instanceof Error);
  const cause =
    told.find((error) => error instanceof LayerError) ??
    told.find(({ message }) => !/premature/i.test(message)) ??
    told[0];
  if (cause instanceof LayerError) return cause;
  return new LayerError(cause?.message ?? "it cannot be read", { cause });
}

/** An entry and its content, as it streams in. */
type Entry = AsyncIterable<unknown> & { readonly header: Header };

/** A layer while it is applied. */
interface OpenLayer {
  readonly root: string;
  readonly realRoot: string;
  readonly writeLink: WriteLink;
  /** Every path that this layer has written, with the folders above: its own whiteouts do not hide these. */
  readonly own: Set<string>;
}

async function openLayer(root: string, writeLink: WriteLink): Promise<OpenLayer> {
  const realRoot = await realpath(root);
  return { root, realRoot, writeLink, own: new Set([root]) };
}

/** A link that leads where it would lead in a container, where nothing is above the root; wherever that is moved to. */
function linkInside(target: string, folder: string): string {
  const climbs = posix.join(folder.slice(1), target).startsWith("..");
  if (!target.startsWith("/") && !climbs) return target;
  return posix.relative(folder, posix.resolve(folder, target)) || ".";
}

async function apply(entry: Entry, layer: OpenLayer): Promise<void> {
  const { header } = entry;
  const name = checkName(header.name);
  if (name === "" || name === ".") return;
  const path = join(layer.root, name);
  const folder = dirname(path);
  const base = posix.basename(name);
  await requireInside(layer, folder, header.name);
  if (base === ".wh..wh..opq") return hideBelow(folder, layer.own);
  if (base.startsWith(".wh.")) return hide(folder, base.slice(".wh.".length), header.name);
  await mkdir(folder, { recursive: true });
  await make(entry, path, layer);
  own(layer, path);
}

/** @returns the path relative to the root. */
function checkName(name: string): string {
  if (name.length > LONGEST_PATH)
    throw new LayerError(`an entry's name has more than ${LONGEST_PATH} characters`);
  // What tar-stream makes of bytes that are no UTF-8: two names could become one.
  if (name.includes("\ufffd")) throw new LayerError(`the name of ${shown(name)} is not UTF-8`);
  if (name.includes("\0")) throw new LayerError(`the name of ${shown(name)} holds a zero byte`);
  const clean = posix.normalize(name).replace(/^\/+/, "").replace(/\/$/, "");
  if (clean === ".." || clean.startsWith("../")) throw leadsOut(name);
  return clean;
}

function leadsOut(name: string): LayerError {
  return new LayerError(`the entry ${shown(name)} leads out of the image`);
}

/** A stranger's words, for an error. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}

async function make(entry: Entry, path: string, layer: OpenLayer): Promise<void> {
  const { header } = entry;
  switch (header.type) {
    case "directory":
      return makeFolder(path);
    case "symlink":
      return makeLink(header, path, layer);
    case "link":
      return makeHardLink(header, path, layer);
    case "file":
    case "contiguous-file":
      await rm(path, { recursive: true, force: true });
      await pipeline(entry, createWriteStream(path, { flags: "wx" }));
      return chmod(path, ((header.mode ?? 0o644) & 0o755) | 0o400);
    default:
      // Devices and pipes are passed over: a process of this machine must not get them from an image.
      return;
  }
}

/** A folder takes the place of whatever else is there, also of a link to one. */
async function makeFolder(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  await rm(path, { force: true });
  await mkdir(path);
}

async function makeLink(header: Header, path: string, layer: OpenLayer): Promise<void> {
  const folder = relative(layer.realRoot, await realpath(dirname(path)));
  const target = layer.writeLink(checkTarget(header), `/${folder}`);
  await rm(path, { recursive: true, force: true });
  await symlink(target, path);
}

function checkTarget({ name, linkname }: Header): string {
  if (!linkname) throw new LayerError(`the link ${shown(name)} leads to nothing`);
  if (linkname.length > LONGEST_PATH || linkname.includes("\0"))
    throw new LayerError(`the link ${shown(name)} has a target that is no path`);
  return linkname;
}

async function makeHardLink(header: Header, path: string, layer: OpenLayer): Promise<void> {
  const target = join(layer.root, checkName(checkTarget(header)));
  await requireInside(layer, dirname(target), header.name);
  if (target === path) return;
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined || found.isDirectory())
    throw new LayerError(`the link ${shown(header.name)} is to no file of the image`);
  await rm(path, { recursive: true, force: true });
  // Some systems follow a link here, and it may lead out.
  if (found.isSymbolicLink()) await symlink(await readlink(target), path);
  else await link(target, path);
}

async function hide(folder: string, hidden: string, name: string): Promise<void> {
  // ".wh..." would hide "..": the folder above, which may be the one that holds every image.
  if (hidden === "" || hidden === "." || hidden === "..")
    throw new LayerError(`the whiteout ${shown(name)} hides no name`);
  await rm(join(folder, hidden), { recursive: true, force: true });
}

/** Hides what earlier layers have in a folder. */
async function hideBelow(folder: string, own: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (!own.has(path)) await rm(path, { recursive: true, force: true });
    else if (entry.isDirectory()) await hideBelow(path, own);
  }
}

function own(layer: OpenLayer, path: string): void {
  for (let above = path; !layer.own.has(above); above = dirname(above)) layer.own.add(above);
}

/** Holds a folder to the root, with every link in it followed. The part of it that is missing is made of folders. */
async function requireInside(layer: OpenLayer, folder: string, name: string): Promise<void> {
  let existing = folder;
  while (!(await lstat(existing).catch(() => undefined))) existing = dirname(existing);
  const real = await realpath(existing);
  if (real !== layer.realRoot && !real.startsWith(layer.realRoot + sep)) throw leadsOut(name);
}
