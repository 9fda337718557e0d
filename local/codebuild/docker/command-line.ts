import { createRealClock } from "../../asl/real-clock.ts";
import { RefusalError } from "./refusal.ts";
import type { Surroundings } from "./surroundings.ts";

/**
 * Runs one of our programs to its end, as the process that this is. What is refused is said in one line on the
 * error output, and the status is 1.
 */
export async function runProgram(
  program: string,
  run: (words: readonly string[], around: Surroundings) => Promise<number>,
): Promise<void> {
  const { env, argv, stdin, stdout } = process;
  try {
    const { AWS_ENDPOINT_URL, SPILLWAY_IMAGES } = env;
    if (AWS_ENDPOINT_URL === undefined || SPILLWAY_IMAGES === undefined)
      throw new RefusalError(
        "AWS_ENDPOINT_URL and SPILLWAY_IMAGES are not set; this program runs in a build of the local AWS.",
      );
    process.exitCode = await run(argv.slice(2), {
      clock: createRealClock(),
      environment: env,
      folder: process.cwd(),
      input: stdin,
      endpoint: new URL(AWS_ENDPOINT_URL),
      images: SPILLWAY_IMAGES,
      print: (line) => void stdout.write(`${line}\n`),
    });
  } catch (error) {
    process.exitCode = 1;
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${program}: ${reason.replace(/^docker /, "")}\n`);
  }
}
