import type { Dirent } from "node:fs";
import { constants, copyFile, lstat, mkdir, readdir, readlink, realpath, symlink } from "node:fs/promises";
import { basename, dirname, join, posix, sep } from "node:path";

/**
 * The files beneath `folder` that a buildspec's pattern names, as relative paths: `*` within a folder, `**` through
 * folders, hidden files too. A pattern that names a folder names all that is in it.
 * Links are given as they are and never followed, so that nothing outside of the folder is found.
 */
export async function* matchingFiles(folder: string, pattern: string): AsyncGenerator<string> {
  const { base, expression } = compile(pattern);
  if (base.split("/").includes("..") || posix.isAbsolute(base)) return;
  const start = await lstat(join(folder, base)).catch(() => undefined);
  if (start === undefined) return;
  // A link on the way to the base would lead out; the base itself, if a link, is not followed.
  if (base !== "." && !(await isInside(folder, dirname(join(folder, base))))) return;
  const found = start.isDirectory() ? walk(folder, base) : [base];
  for await (const path of found) if (expression.test(path)) yield path;
}

/** How many files, and how many bytes they have. */
export interface FilesSize {
  readonly files: number;
  readonly bytes: number;
}

/** Copies a file, or a link as a link, with the folders that lead to it. @returns its size in bytes. */
async function copyInto(from: string, to: string): Promise<number> {
  await mkdir(dirname(to), { recursive: true });
  const found = await lstat(from);
  if (found.isSymbolicLink()) await symlink(await readlink(from), to).catch(ignoreExisting);
  else if (found.isFile()) await copyFile(from, to, constants.COPYFILE_FICLONE);
  return found.size;
}

const COPIES_AT_ONCE = 8;

/** Copies what the patterns name from one folder to another, but for what is excluded. */
export async function copyMatching(
  patterns: readonly string[],
  from: string,
  to: string,
  options: { readonly discardPaths?: boolean; readonly excluded?: readonly string[] } = {},
): Promise<FilesSize> {
  let [files, bytes] = [0, 0];
  const excluded = (options.excluded ?? []).map((pattern) => compile(pattern).expression);
  for (const pattern of patterns) {
    const found = matchingFiles(from, pattern);
    const copyFromTurn = async () => {
      for await (const path of found) {
        if (excluded.some((expression) => expression.test(path))) continue;
        const name = options.discardPaths === true ? basename(path) : path;
        bytes += await copyInto(join(from, path), join(to, name));
        files += 1;
      }
    };
    // A generator gives each of its values to one who asks. Of files with the same name the last one stays.
    const atOnce = options.discardPaths === true ? 1 : COPIES_AT_ONCE;
    await Promise.all(Array.from({ length: atOnce }, copyFromTurn));
  }
  return { files, bytes };
}

/** All that is in a folder. */
export async function sizeOf(folder: string): Promise<FilesSize> {
  let [files, bytes] = [0, 0];
  for await (const path of walk(folder, ".")) {
    files += 1;
    bytes += (await lstat(join(folder, path))).size;
  }
  return { files, bytes };
}

function compile(pattern: string): { base: string; expression: RegExp } {
  const segments = posix.normalize(pattern).replace(/\/$/, "").split("/");
  const wild = segments.findIndex((segment) => /[*?]/.test(segment));
  const base = (wild < 0 ? segments : segments.slice(0, wild)).join("/");
  const body = segments.map((segment, index) => {
    if (segment === "**") return index === segments.length - 1 ? ".*" : "(?:.*/)?";
    const text = segment
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", "[^/]*")
      .replaceAll("?", "[^/]");
    return index === segments.length - 1 ? text : `${text}/`;
  });
  return { base: base === "" ? "." : base, expression: new RegExp(`^${body.join("")}(?:/.*)?$`) };
}

async function* walk(folder: string, relative: string): AsyncGenerator<string> {
  const entries: Dirent[] = await readdir(join(folder, relative), { withFileTypes: true });
  for (const entry of entries) {
    const path = relative === "." ? entry.name : `${relative}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(folder, path);
    else yield path;
  }
}

/** Whether a path, with all links followed, is the folder or in it. */
export async function isInside(folder: string, path: string): Promise<boolean> {
  const [root, real] = await Promise.all([realpath(folder), realpath(path).catch(() => undefined)]);
  return real !== undefined && (real === root || real.startsWith(root + sep));
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
