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

/** Copies a file, or a link as a link, with the folders that lead to it. */
export async function copyInto(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const found = await lstat(from);
  if (found.isSymbolicLink()) await symlink(await readlink(from), to).catch(ignoreExisting);
  else if (found.isFile()) await copyFile(from, to, constants.COPYFILE_FICLONE);
}

/** Copies what the patterns name from one folder to another. @returns how many files. */
export async function copyMatching(
  patterns: readonly string[],
  from: string,
  to: string,
  options: { readonly discardPaths?: boolean } = {},
): Promise<number> {
  let copied = 0;
  for (const pattern of patterns) {
    for await (const path of matchingFiles(from, pattern)) {
      await copyInto(join(from, path), join(to, options.discardPaths === true ? basename(path) : path));
      copied += 1;
    }
  }
  return copied;
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
