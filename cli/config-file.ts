import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Config, parseConfig } from "../core/config.ts";

/** The file that was named holds no config; the message says what to do. */
export class ConfigFileError extends Error {
  override readonly name = "ConfigFileError";
}

/**
 * Reads a config from the default export of a TypeScript or JavaScript module.
 * @param file a path from the current folder.
 * @throws ConfigFileError if there is no such module, SpillwayError InvalidConfig if what it exports is none.
 */
export async function readConfig(file: string): Promise<Config> {
  const path = resolve(file);
  await access(path).catch(() => {
    throw new ConfigFileError(`There is no file ${path}; give --config the path of a config.`);
  });
  const exported: { default?: unknown } = await import(pathToFileURL(path).href).catch((cause: unknown) => {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new ConfigFileError(`${path} cannot be loaded: ${reason}`, { cause });
  });
  if (exported.default === undefined)
    throw new ConfigFileError(
      `${path} has no default export; write export default defineConfig({ … }), as spillway.config.ts does.`,
    );
  return parseConfig(exported.default, file);
}
