import type { Readable } from "node:stream";
import type { Clock } from "../../asl/clock.ts";

/** What the programs here are given of the process that they are. */
export interface Surroundings {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the command runs. */
  readonly folder: string;
  readonly input: Readable;
  /** Of the local AWS, which is also the registry. */
  readonly endpoint: URL;
  /** The build's own folder for images: SPILLWAY_IMAGES. */
  readonly images: string;
  print(line: string): void;
}
