import type { ConfigInput } from "../core/config.ts";
import config from "../spillway.config.ts";

/** The example as `spillway.config.ts` describes it. */
export function exampleService(): ConfigInput["services"][string] {
  const { web } = config.services;
  if (web === undefined) throw new Error("spillway.config.ts has no service web.");
  return web;
}
