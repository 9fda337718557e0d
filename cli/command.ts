import { styleText } from "node:util";
import { shown } from "./lines.ts";

/** What every command that asks an installation is told of where that is. */
export const installationOptions = {
  folder: { type: "string", default: ".spillway" },
  prefix: { type: "string", default: "spillway" },
} as const;

/**
 * Runs a command with the words of its command line, and ends the process with the status that it returns: 1 if it
 * throws, with the error in words, and the usage where the words were wrong.
 */
export async function runCommand(
  usage: string,
  run: (words: readonly string[]) => Promise<number>,
): Promise<void> {
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    console.error(styleText("red", shown(`${name}: ${message}`)));
    // What parseArgs throws.
    if (name === "TypeError") console.error(`\n${usage}`);
    process.exitCode = 1;
  }
}
