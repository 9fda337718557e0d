import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join, matchesGlob } from "node:path";
import { pipeline } from "node:stream/promises";

/** One entry of a folder tree that COPY can take from. */
export interface ContextEntry {
  /** Relative, with slashes, without a leading one. */
  readonly path: string;
  readonly type: "file" | "folder" | "link";
}

/**
 * Everything in `folder` that `.dockerignore` does not keep out, sorted by path. Folders come before what is in
 * them. Sockets and devices are left out.
 */
export async function listContext(
  folder: string,
  options: { ignoreFile?: string } = {},
): Promise<ContextEntry[]> {
  const patterns = options.ignoreFile === undefined ? [] : await readIgnorePatterns(options.ignoreFile);
  const entries: ContextEntry[] = [];
  // Without exceptions nothing inside an ignored folder can come back: node_modules need not be walked.
  const canComeBack = patterns.some((pattern) => pattern.isException);
  const walk = async (below: string) => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      const isKept = !isIgnored(path, patterns);
      if (entry.isDirectory()) {
        if (isKept) entries.push({ path, type: "folder" });
        if (isKept || (canComeBack && couldHold(path, patterns))) await walk(path);
      } else if (isKept && (entry.isFile() || entry.isSymbolicLink())) {
        entries.push({ path, type: entry.isFile() ? "file" : "link" });
      }
    }
  };
  await walk("");
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** One hash of names, kinds and contents; times do not count, because a checkout makes them anew. */
export async function hashEntries(folder: string, entries: readonly ContextEntry[]): Promise<string> {
  const hash = createHash("sha256");
  for (const { path, type } of entries) {
    const full = join(folder, path);
    const isExecutable = type === "file" && ((await lstat(full)).mode & 0o111) !== 0;
    hash.update(JSON.stringify([path, type, isExecutable, type === "link" ? await readlink(full) : ""]));
    if (type !== "file") continue;
    const content = createHash("sha256");
    await pipeline(createReadStream(full), content);
    hash.update(content.digest());
  }
  return hash.digest("hex");
}

interface IgnorePattern {
  readonly glob: string;
  readonly isException: boolean;
}

async function readIgnorePatterns(file: string): Promise<IgnorePattern[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const isException = line.startsWith("!");
      const glob = line
        .replace(/^!/, "")
        .trim()
        .replace(/^\.?\//, "")
        .replace(/\/$/, "");
      return { glob, isException };
    });
}

/** Docker's rule: the last pattern that matches the path, or a folder above it, decides. */
function isIgnored(path: string, patterns: readonly IgnorePattern[]): boolean {
  const parts = path.split("/");
  const paths = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  const last = patterns.findLast(({ glob }) => paths.some((candidate) => matchesGlob(candidate, glob)));
  return last !== undefined && !last.isException;
}

/** Whether an exception may name something inside the ignored folder `path`. */
function couldHold(path: string, patterns: readonly IgnorePattern[]): boolean {
  return patterns.some(
    ({ glob, isException }) => isException && (glob.startsWith(`${path}/`) || glob.includes("*")),
  );
}
