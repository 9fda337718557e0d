import { delimiter, dirname, isAbsolute, join, normalize, relative, sep } from "node:path";
import type { Clock } from "../asl/clock.ts";
import { startProcess } from "../process.ts";
import { type LookUp, splitWords } from "./words.ts";

/**
 * What RUN may start. The base image's own files are not here, so a command runs with this machine's programs;
 * it may write below the image's root only, which leaves the tools that keep to the folder they are started in.
 */
const PROGRAMS = ["mkdir", "node", "npm", "npx", "python3"] as const;
const SHELL_MEANING = /[|;<>`(){}*?#&~!]/;
const LONGEST_RUN_MILLISECONDS = 15 * 60 * 1_000;

/** RUN asks for what cannot be done without a container, or its command failed. */
export class RunStepError extends Error {
  override readonly name = "RunStepError";
}

/** The commands of a RUN, one after another; each must succeed. Throws RunStepError for what is not supported. */
export function readCommands(
  step: { text: string; exec: readonly string[] | undefined },
  lookUp: LookUp,
): string[][] {
  const commands: string[][] = [[]];
  if (step.exec !== undefined) commands[0]?.push(...step.exec);
  else {
    for (const word of splitWords(step.text, lookUp)) {
      if (word.bare === "&&" && word.text === "&&") commands.push([]);
      else if (SHELL_MEANING.test(word.bare)) {
        throw new RunStepError(
          `RUN is not given to a shell here; "${word.text}" cannot be used, only && between commands.`,
        );
      } else commands.at(-1)?.push(word.text);
    }
  }
  for (const command of commands) checkCommand(command);
  return commands;
}

function checkCommand(command: readonly string[]): void {
  const [program, ...words] = command;
  if (program === undefined) throw new RunStepError("RUN has an empty command.");
  if (!PROGRAMS.some((name) => name === program)) {
    throw new RunStepError(
      `RUN ${program} needs a container, because it changes the system of the image; only ${PROGRAMS.join(", ")} can be run here.`,
    );
  }
  const isGlobal = words.some((word) => word === "-g" || word === "--global" || word === "--location=global");
  if ((program === "npm" || program === "npx") && isGlobal) {
    throw new RunStepError("RUN npm --global would change this machine; install into the working folder.");
  }
  const isPip = program === "python3" && words[0] === "-m" && words[1] === "pip";
  if (isPip && !words.some((word) => word === "--target" || word.startsWith("--target="))) {
    throw new RunStepError(
      "RUN python3 -m pip would change this machine; give it --target with a folder of the image.",
    );
  }
}

/**
 * Runs one command of a RUN as a process of this machine, in `folder` of the image whose files are in `root`.
 * Absolute paths among its words are taken as paths of the image. Throws RunStepError if it fails.
 */
export async function runCommand(
  clock: Clock,
  command: readonly string[],
  place: {
    root: string;
    folder: string;
    environment: Readonly<Record<string, string>>;
    onLine: (line: string) => void;
  },
): Promise<void> {
  const [program = "", ...words] = command;
  const { PATH = "" } = place.environment;
  const started = startProcess(clock, {
    command: program === "node" ? process.execPath : program,
    arguments: words.map((word) => mapWord(place.root, word)),
    folder: join(place.root, place.folder),
    // npm must find the Node that builds the image, not whichever is first on the machine.
    environment: { ...place.environment, PATH: [dirname(process.execPath), PATH].join(delimiter) },
    onLine: place.onLine,
  });
  let isTooLong = false;
  const cancel = clock.after(LONGEST_RUN_MILLISECONDS, () => {
    isTooLong = true;
    void started.stop(5_000);
  });
  const { code, signal } = await started.exited.finally(cancel);
  if (code === 0) return;
  const how = isTooLong
    ? `took longer than ${LONGEST_RUN_MILLISECONDS / 60_000} minutes`
    : `ended with ${code ?? signal}`;
  throw new RunStepError(`RUN ${command.join(" ")} ${how}; its output is above.`);
}

function mapWord(root: string, word: string): string {
  const [, option = "", path = word] = /^(--?[a-z-]+=)(.*)$/.exec(word) ?? [];
  if (isAbsolute(path)) return option + join(root, normalize(path));
  if (relative(root, join(root, path)).startsWith(`..${sep}`)) {
    throw new RunStepError(`RUN may not reach above its folder: ${word}`);
  }
  return word;
}
