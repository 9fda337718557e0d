import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** One step of the schema, with the way back. */
export interface Revision {
  /** "0001": the number its files begin with; their order is the order of the schema. */
  readonly id: string;
  readonly up: string;
  readonly down: string;
  /** Its first line says `-- PostgreSQL only`: it gives the code nothing to read, and SQLite passes over it. */
  readonly isForPostgresOnly: boolean;
}

/** The migration files do not make an unbroken sequence of pairs. */
export class RevisionsError extends Error {
  override readonly name = "RevisionsError";
}

const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.(up|down)\.sql$/;

/** Reads the migrations of `folder` in order. Throws RevisionsError for a stray name, a missing half or a double number. */
export async function readRevisions(
  folder = join(import.meta.dirname, "../migrations"),
): Promise<Revision[]> {
  const halves = new Map<string, { up?: string; down?: string }>();
  for (const name of (await readdir(folder)).sort()) {
    const match = FILE_NAME.exec(name);
    const [, id, direction] = match ?? [];
    if (id === undefined || (direction !== "up" && direction !== "down")) {
      throw new RevisionsError(`${name} is not named like 0001-what-it-does.up.sql or .down.sql.`);
    }
    const half = halves.get(id) ?? {};
    if (half[direction] !== undefined) throw new RevisionsError(`Revision ${id} has two ${direction} files.`);
    half[direction] = await readFile(join(folder, name), "utf8");
    halves.set(id, half);
  }
  return [...halves].map(([id, { up, down }]) => {
    if (up === undefined || down === undefined) {
      throw new RevisionsError(`Revision ${id} lacks its ${up === undefined ? "up" : "down"} file.`);
    }
    return { id, up, down, isForPostgresOnly: up.startsWith("-- PostgreSQL only") };
  });
}
