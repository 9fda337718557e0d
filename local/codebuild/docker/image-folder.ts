import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What a build's `docker` needs to know besides its arguments. */
export interface ImageSettings {
  /** Where layers are kept between builds; undefined for a project that keeps none. */
  readonly layers: string | undefined;
  /** How this machine reaches its package registry. */
  readonly network: Readonly<Record<string, string>>;
}

/** Files of the folder that SPILLWAY_IMAGES names. */
export const settingsFile = (folder: string) => join(folder, "settings.json");
export const layersFolder = (folder: string) => join(folder, "cache");

/** Makes the folder in which the `docker` of one build keeps its images. */
export async function prepareImages(folder: string, { layers, network }: ImageSettings): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(settingsFile(folder), JSON.stringify({ network }));
  await mkdir(layers ?? layersFolder(folder), { recursive: true });
  if (layers !== undefined) await symlink(layers, layersFolder(folder));
}
