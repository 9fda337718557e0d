import { findEngine } from "./engine.ts";
import { logIn, logOut } from "./login.ts";
import { ownCommands } from "./own-builder.ts";
import { isEcr } from "./reference.ts";
import { RefusalError } from "./refusal.ts";
import type { Surroundings } from "./surroundings.ts";

/** Docker's longer names of the same commands. */
const GROUPS = ["image", "buildx", "builder"];
const SAME: Readonly<Record<string, string>> = { ls: "images", "--version": "version", "-v": "version" };

/**
 * `docker` in a build: the machine's Docker or buildah where there is one, else our own builder; logging in to ECR
 * and pushing to it always go to the local one. @returns the exit status.
 */
export async function docker(words: readonly string[], around: Surroundings): Promise<number> {
  const [first = "", ...others] = words;
  const isGroup = GROUPS.includes(first);
  const [name = "", ...rest] = isGroup ? others : words;
  const command = SAME[name] ?? name;
  if (command === "login" && rest.some((word) => isEcr(word, around.endpoint))) {
    await logIn(rest, around);
    return 0;
  }
  if (command === "logout" && rest.some((word) => isEcr(word, around.endpoint))) {
    await logOut(rest, around);
    return 0;
  }
  const engine = await chooseEngine(around);
  if (engine !== undefined) {
    if (command === "build") around.print(`built by ${engine.name}`);
    return engine.run(command, rest, around);
  }
  if (command === "login") {
    await logIn(rest, around);
    return 0;
  }
  const run = ownCommands[command];
  if (run === undefined)
    throw new RefusalError(
      `docker ${[...(isGroup ? [first] : []), command].join(" ")} needs Docker with a running engine, which this machine does not have; Spillway's own builder does login, ${Object.keys(ownCommands).join(", ")}.`,
    );
  await run(rest, around);
  return 0;
}

/** SPILLWAY_IMAGE_BUILDER=own keeps to our own builder on a machine that has another. */
async function chooseEngine(around: Surroundings) {
  const asked = around.environment.SPILLWAY_IMAGE_BUILDER ?? "";
  if (asked === "own") return undefined;
  const engine = await findEngine(around);
  if (asked === "" || engine?.name.startsWith(asked) === true) return engine;
  throw new RefusalError(
    `SPILLWAY_IMAGE_BUILDER asks for "${asked}", and this machine has ${engine?.name ?? "neither docker nor buildah"}; "own" is always there.`,
  );
}
