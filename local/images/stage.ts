import {
  chmod,
  copyFile,
  cp,
  lstat,
  mkdir,
  readdir,
  readlink,
  realpath,
  rm,
  symlink,
} from "node:fs/promises";
import { dirname, join, matchesGlob, posix, relative, sep } from "node:path";
import type { ContextEntry } from "./context.ts";
import type { LayerEntry } from "./layer.ts";

/** COPY asks for what is not there, or for a place outside the image. */
export class CopyError extends Error {
  override readonly name = "CopyError";
}

/** The files of one stage while it is built: a folder on disk standing for the image's root. */
export interface StageFiles {
  readonly root: string;
  makeFolder(path: string): Promise<void>;
  /**
   * Copies what `sources` name, out of `from`, to `target` as COPY does.
   * @param target absolute; a trailing slash means a folder.
   */
  copy(
    from: { folder: string; entries: readonly ContextEntry[] },
    sources: readonly string[],
    target: string,
  ): Promise<void>;
  /** What changed since the last call, or since the beginning; with the folders above it. */
  takeChanges(): Promise<LayerEntry[]>;
}

type Snapshot = Map<string, LayerEntry & { readonly mark: string }>;

/** Begins with the files of `base` (not counted as changes), or with none. `root` must not exist yet. */
export async function createStageFiles(root: string, base?: StageFiles): Promise<StageFiles> {
  if (base === undefined) await mkdir(root, { recursive: true });
  else await cp(base.root, root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  let before: Snapshot = await takeSnapshot(root);
  return {
    root,
    async makeFolder(path) {
      await mkdir(await resolveInside(root, path), { recursive: true });
    },
    async copy(from, sources, target) {
      const chosen = sources.map((source) => choose(from.entries, source));
      const isFolder =
        target.endsWith("/") ||
        sources.length > 1 ||
        chosen.some(({ roots }) => roots.length > 1) ||
        (await isExistingFolder(await resolveInside(root, target)));
      for (const { roots, entries } of chosen) {
        for (const entry of entries) {
          const top = roots.find((path) => entry.path === path || entry.path.startsWith(`${path}/`)) ?? "";
          const isTopFolder =
            entries.some(({ path, type }) => path === top && type === "folder") || top === "";
          const below = top === "" ? entry.path : entry.path.slice(top.length + 1);
          // The contents of a folder are copied, not the folder; a file keeps its name only in a folder.
          const name = isTopFolder ? below : isFolder ? posix.basename(top) : "";
          await copyEntry(
            join(from.folder, entry.path),
            entry.type,
            await resolveInside(root, posix.join(target, name)),
          );
        }
      }
    },
    async takeChanges() {
      const after = await takeSnapshot(root);
      const changes = compare(before, after);
      before = after;
      return changes;
    },
  };
}

/** Everything that the sources of a COPY name. @throws CopyError */
export function namedEntries(
  all: readonly ContextEntry[],
  sources: readonly string[],
): readonly ContextEntry[] {
  return sources.flatMap((source) => choose(all, source).entries);
}

/** What one source of COPY names: its topmost paths, and everything at and below them. */
function choose(all: readonly ContextEntry[], source: string): { roots: string[]; entries: ContextEntry[] } {
  const path = posix.normalize(source).replace(/^\/+/, "").replace(/\/$/, "");
  if (path === ".." || path.startsWith("../")) {
    throw new CopyError(`COPY ${source} is outside the build context.`);
  }
  if (path === "." || path === "") return { roots: [""], entries: [...all] };
  const isGlob = /[*?[]/.test(path);
  const roots = all
    .filter((entry) => (isGlob ? matchesGlob(entry.path, path) : entry.path === path))
    .map((entry) => entry.path);
  if (roots.length === 0) {
    throw new CopyError(`COPY ${source} is not there; check the name and .dockerignore.`);
  }
  return {
    roots,
    entries: all.filter((entry) =>
      roots.some((root) => entry.path === root || entry.path.startsWith(`${root}/`)),
    ),
  };
}

async function copyEntry(source: string, type: ContextEntry["type"], target: string): Promise<void> {
  if (type === "folder") {
    await mkdir(target, { recursive: true });
    return;
  }
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { force: true });
  if (type === "link") return symlink(await readlink(source), target);
  await copyFile(source, target);
  const { mode } = await lstat(source);
  await chmod(target, mode & 0o111 ? 0o755 : 0o644);
}

/** The place on disk of an absolute path of the image. Links on the way must not lead out of the root. */
async function resolveInside(root: string, path: string): Promise<string> {
  const place = join(root, posix.normalize(`/${path}`));
  const realRoot = await realpath(root);
  let existing = dirname(place);
  while (existing !== root && existing.startsWith(root + sep)) {
    const real = await realpath(existing).catch(() => undefined);
    if (real !== undefined) {
      if (real === realRoot || real.startsWith(realRoot + sep)) break;
      throw new CopyError(`${path} leads out of the image through the link ${relative(root, existing)}.`);
    }
    existing = dirname(existing);
  }
  return place;
}

async function isExistingFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function takeSnapshot(root: string): Promise<Snapshot> {
  const snapshot: Snapshot = new Map();
  const walk = async (below: string) => {
    for (const { name } of await readdir(join(root, below), { withFileTypes: true })) {
      const path = below === "" ? name : `${below}/${name}`;
      const found = await lstat(join(root, path), { bigint: true });
      const isExecutable = (found.mode & 0o111n) !== 0n;
      const type = found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : "file";
      if (type === "file" && !found.isFile()) continue;
      // A folder changes with its entries, which count by themselves.
      const mark =
        type === "folder" ? "folder" : `${type} ${found.ino} ${found.size} ${found.mtimeNs} ${isExecutable}`;
      snapshot.set(path, { path, type, size: Number(found.size), isExecutable, mark });
      if (type === "folder") await walk(path);
    }
  };
  await walk("");
  return snapshot;
}

function compare(before: Snapshot, after: Snapshot): LayerEntry[] {
  const changes = new Map<string, LayerEntry>();
  const add = (entry: LayerEntry) => {
    changes.set(entry.path, entry);
    for (let folder = posix.dirname(entry.path); folder !== "."; folder = posix.dirname(folder)) {
      const above = after.get(folder);
      if (above !== undefined) changes.set(folder, above);
    }
  };
  for (const entry of after.values()) {
    if (before.get(entry.path)?.mark !== entry.mark) add(entry);
  }
  for (const { path } of before.values()) {
    // What is in a removed folder goes with it.
    const isGone = !after.has(path);
    const isTopmost = posix.dirname(path) === "." || after.has(posix.dirname(path));
    if (isGone && isTopmost) add({ path, type: "removed", size: 0, isExecutable: false });
  }
  return [...changes.values()];
}
