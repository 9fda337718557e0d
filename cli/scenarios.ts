import { styleText } from "node:util";
import type { Outcome } from "../core/outcome.ts";
import { pollService, type Tally } from "./client.ts";
import type { Installation } from "./installation.ts";
import { releaseCommit } from "./release.ts";
import type { Report } from "./report.ts";

/** Something that may happen to a team, played with real parts. Its files are in examples/web/scenarios. */
export interface Scenario {
  readonly name: string;
  /** What the commit does. */
  readonly says: string;
  /** How its release should end. */
  readonly ends: Outcome;
  /** Whether a newer commit is pushed while this one is on its way. */
  readonly overtaken?: true;
}

/** Every scenario, in the order in which a release meets them. */
export const scenarios: readonly Scenario[] = [
  { name: "failing-unit-tests", says: "a unit test fails", ends: "Rejected" },
  { name: "vulnerable", says: "a dependency has a critical advisory", ends: "Rejected" },
  { name: "failing-migration", says: "the migration fails half-way", ends: "RolledBack" },
  { name: "crash-on-start", says: "the service ends as soon as it is started", ends: "RolledBack" },
  { name: "unhealthy", says: "the health path answers 500", ends: "RolledBack" },
  { name: "slow-start", says: "the service takes its time to start", ends: "Released" },
  { name: "failing-e2e", says: "it is healthy, but following a link is broken", ends: "RolledBack" },
  { name: "slow-response", says: "it answers too slowly", ends: "RolledBack" },
  { name: "old-commit", says: "a newer commit overtakes it", ends: "Superseded", overtaken: true },
];

/** What came of a scenario. */
export interface Played {
  readonly scenario: Scenario;
  readonly report: Report;
  /** What a client of each environment saw all along. */
  readonly clients: Readonly<Record<string, Tally>>;
  readonly endedAsTold: boolean;
}

/**
 * Plays a scenario on an environment where something good is live.
 * @param live the report of what is live, for where to ask.
 */
export async function playScenario(
  installation: Installation,
  scenario: Scenario,
  live: Report,
  told: (line: string) => void,
): Promise<Played> {
  told(`scenario ${styleText("bold", scenario.name)}: ${scenario.says}; it should end ${scenario.ends}`);
  const clients = Object.entries(live.environments).flatMap(([name, { url }]) =>
    url === undefined ? [] : [{ name, client: pollService(installation.clock, url, 20) }],
  );
  const report = await releaseScenario(installation, scenario, told);
  const tallies = await Promise.all(
    clients.map(async ({ name, client }) => [name, await client.stop()] as const),
  );
  return {
    scenario,
    report,
    clients: Object.fromEntries(tallies),
    endedAsTold: report.outcome === scenario.ends,
  };
}

async function releaseScenario(
  installation: Installation,
  { name, overtaken }: Scenario,
  told: (line: string) => void,
): Promise<Report> {
  const commit = await installation.source.commitScenario(name);
  if (overtaken === undefined) return releaseCommit(installation, commit);
  const pushed = Promise.withResolvers<void>();
  const releasing = releaseCommit(installation, commit, pushed.resolve);
  // A failure before the push is told by the release itself.
  await Promise.race([pushed.promise, releasing]);
  told("a newer commit is pushed while the older one is checked");
  const newer = await releaseCommit(installation, await installation.source.commitHealthy());
  told(`the newer one, ${newer.release}, ended ${newer.outcome}`);
  return releasing;
}

/** The list that `--scenario list` prints. */
export function renderScenarios(): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return scenarios.map(({ name, says, ends }) => `  ${name.padEnd(width)}  ${says}: ${ends}`).join("\n");
}

/** What a person reads when a scenario was played. */
export function renderPlayed({ scenario, report, clients, endedAsTold }: Played): string {
  const mark = endedAsTold ? styleText("green", "✓") : styleText("red", "✗");
  return [
    `${mark} ${scenario.name} ended ${report.outcome}${endedAsTold ? ", as it should" : `, and should have ended ${scenario.ends}`}`,
    ...Object.entries(clients).map(
      ([name, { requests, failed, answers }]) =>
        `  a client of ${name} asked all along: ${requests} requests, ${failed} failed (${JSON.stringify(answers)})`,
    ),
  ].join("\n");
}
