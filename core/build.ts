import type { Report } from "./records.ts";
import { hideSecrets } from "./redaction.ts";
import type { WaitResult } from "./wait.ts";

/** A build that has ended, as CodeBuild tells it. */
export interface EndedBuild {
  readonly id: string;
  readonly status: string;
  /** The first phase that did not succeed, and CodeBuild's words for why. */
  readonly failed: { readonly phase: string; readonly message: string } | undefined;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly log: { readonly group: string; readonly stream: string } | undefined;
  readonly reports: readonly Report[];
  /** Where the artifacts are. */
  readonly artifacts: readonly string[];
}

/** Phases before the first command: a build that fails there found no place, no network, no image. */
const neverBegun = new Set(["SUBMITTED", "QUEUED", "PROVISIONING"]);

/**
 * How a stage ended, in words that let a person act: what failed, the last lines it printed, and the command that
 * shows all of them.
 * @param lines the log's last lines, oldest first; untrusted.
 * @param failure the error's name, if the build itself failed.
 */
export function judgeBuild(
  build: EndedBuild,
  lines: readonly string[],
  failure: "StageFailed" | "BuildFailed" = "StageFailed",
): WaitResult {
  const { status, failed, log } = build;
  if (status === "SUCCEEDED") return { end: "succeeded", output: { status } };
  const where = failed === undefined ? "" : ` in ${failed.phase}: ${hideSecrets(failed.message)}`;
  const said = lastLines(beforeFailure(lines, failed?.phase));
  const show =
    log === undefined
      ? []
      : [
          "The whole log:",
          `aws logs get-log-events --log-group-name ${log.group} --log-stream-name ${log.stream} --query 'events[].message' --output text`,
        ];
  return {
    end: "failed",
    // Another try may pass what is not the stage's word.
    error: status === "FAULT" || neverBegun.has(failed?.phase ?? "") ? "StageFaulted" : failure,
    cause: [`build ${build.id} ${status}${where}`, ...said.map((line) => `  ${line}`), ...show].join("\n"),
  };
}

/** What CodeBuild itself writes between the lines of a build's commands. */
const containerLine = /^\[Container\] /;

/** The lines that the commands printed until the phase failed; later phases run all the same and are not the cause. */
function beforeFailure(lines: readonly string[], phase: string | undefined): string[] {
  const end = lines.findIndex(
    (line) => containerLine.test(line) && line.includes(`Phase complete: ${phase} State: FAILED`),
  );
  return (end < 0 ? lines : lines.slice(0, end)).filter((line) => !containerLine.test(line));
}

/** Colours, titles, links. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be removed
const terminalSequence = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
const shownLines = 15;
const shownCharacters = 200;

/** The last lines that say something, without control characters and what looks like a secret, each cut to 200 characters. */
export function lastLines(lines: readonly string[], count = shownLines): string[] {
  return (
    lines
      .map((line) => plainLine(line).trimEnd())
      .filter((line) => line.trim() !== "")
      .slice(-count)
      // Before the cut: half a secret is not recognised.
      .map(hideSecrets)
      .map((line) => (line.length > shownCharacters ? `${line.slice(0, shownCharacters - 1)}…` : line))
  );
}

/**
 * A line without control characters, and without those that turn the direction of text: what a build or a service
 * prints must not command the terminal of who reads it, nor show itself in another order.
 */
export function plainLine(line: string): string {
  return line
    .replace(terminalSequence, "")
    .replace(/\t/g, "  ")
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "");
}
