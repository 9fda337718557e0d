import { sleep } from "../../local/asl/index.ts";
import type { Asked, Tell } from "./history.ts";
import { createOperator } from "./operator.ts";
import type { Deed } from "./plan.ts";
import { readRecords } from "./records.ts";
import type { SimulatedWorld } from "./world.ts";

/** A person who is told that it went wrong asks again, after a minute, so often. */
const mostTries = 40;

type DeedAtTheDoor = Extract<Deed, { does: "stop-the-line" | "override-freeze" | "lift-hold" }>;

/** A person does something at the operator's door. @returns what came of it, in words. */
export async function doAtTheDoor(world: SimulatedWorld, deed: DeedAtTheDoor, tell: Tell): Promise<string> {
  const { who, service, environment } = deed;
  const ask = (action: string) => askAtTheDoor(world, { who, action, service, environment }, tell);
  switch (deed.does) {
    case "lift-hold":
      return ask("lift-hold");
    case "stop-the-line": {
      const stopped = await ask("stop-the-line");
      await sleep(world.clock, deed.forSeconds * 1000);
      return `${stopped}; ${await ask("resume-the-line")}`;
    }
    case "override-freeze": {
      const release = newestRelease(world, service, deed.tag);
      if (release === undefined) return "there was no release of it";
      return askAtTheDoor(world, { who, action: deed.does, service, environment, release }, tell);
    }
  }
}

/** Asks until somebody says yes or no. @returns the answer in words. */
export async function askAtTheDoor(world: SimulatedWorld, asked: Asked, tell: Tell): Promise<string> {
  const { who, action, service, environment, release } = asked;
  const operator = createOperator(world, who);
  const reason = "as the plan says";
  const about = release === undefined ? { service, environment } : { release, environment };
  tell({ kind: "asked", ...asked });
  for (let tries = 1; ; tries++) {
    const { status, done, error, message } = await operator.request({ action, ...about, reason });
    if (tries < mostTries && (status >= 500 || status === 429)) {
      await sleep(world.clock, 60_000);
      continue;
    }
    const words = done ?? `${error}: ${message}`;
    tell({ kind: "answered", ...asked, status, words });
    return `${status} ${words}`;
  }
}

/** The newest release of an image, by the tag under which it was pushed. */
export function newestRelease(world: SimulatedWorld, service: string, tag: string): string | undefined {
  return readRecords(world)
    .releases.filter((release) => release.service === service && release.tag === tag)
    .toSorted((one, other) => one.attempt - other.attempt)
    .at(-1)?.id;
}
