import type { Release } from "../../core/records.ts";
import { sleep } from "../../local/asl/index.ts";
import type { Asked, Tell } from "./history.ts";
import { createOperator } from "./operator.ts";
import type { Deed } from "./plan.ts";
import { readRecords } from "./records.ts";
import type { SimulatedWorld } from "./world.ts";

/** A person who is told that it went wrong asks again, after a minute, so often. */
const mostTries = 40;

type DeedAtTheDoor = Extract<
  Deed,
  { does: "stop-the-line" | "override-freeze" | "lift-hold" | "lift-quarantine" }
>;

/** A person does something at the operator's door. @returns what came of it, in words. */
export async function doAtTheDoor(world: SimulatedWorld, deed: DeedAtTheDoor, tell: Tell): Promise<string> {
  const { who, service } = deed;
  const ask = (action: string, about: Partial<Asked>) =>
    askAtTheDoor(world, { who, action, service, ...about }, tell);
  switch (deed.does) {
    case "lift-hold":
      return ask("lift-hold", { environment: deed.environment });
    case "stop-the-line": {
      const { environment } = deed;
      const stopped = await ask("stop-the-line", { environment });
      await sleep(world.clock, deed.forSeconds * 1000);
      return `${stopped}; ${await ask("resume-the-line", { environment })}`;
    }
    case "override-freeze": {
      const release = newestRelease(world, service, deed.tag)?.id;
      if (release === undefined) return "there was no release of it";
      return ask(deed.does, { environment: deed.environment, release });
    }
    case "lift-quarantine": {
      const digest = newestRelease(world, service, deed.tag)?.image?.digest;
      return digest === undefined ? "there was no release of it" : ask(deed.does, { digest });
    }
  }
}

/** Asks until somebody says yes or no. @returns the answer in words. */
export async function askAtTheDoor(world: SimulatedWorld, asked: Asked, tell: Tell): Promise<string> {
  const { who, action, service, environment, release, digest } = asked;
  const operator = createOperator(world, who);
  const reason = "as the plan says";
  const subject = environment === undefined ? { service, digest } : { service, environment };
  const about = release === undefined ? subject : { release, environment };
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
export function newestRelease(world: SimulatedWorld, service: string, tag: string): Release | undefined {
  return readRecords(world)
    .releases.filter((release) => release.service === service && release.tag === tag)
    .toSorted((one, other) => one.attempt - other.attempt)
    .at(-1);
}
