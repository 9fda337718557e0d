import { SFNClient } from "@aws-sdk/client-sfn";
import { parseConfig, type ServiceConfig } from "../core/config.ts";
import config from "../spillway.config.ts";
import { createWorld } from "../test/simulation/world.ts";
import { table } from "./figures.ts";
import { countSteps, readHistories } from "./histories.ts";
import { measurePolling, type OrchestrationCost, pollSeconds, workOf } from "./polling.ts";

/** How long work takes in AWS, in seconds: the stages as the decision record says, App Runner as its users report. */
const seconds: Readonly<Record<string, number>> = {
  "static-analysis": 30,
  "unit-tests": 90,
  "integration-tests": 240,
  "security-scan": 150,
  "end-to-end": 60,
  performance: 60,
  // A task that only asks takes as long to start as one that migrates, and that is nearly all of it.
  "database-check": 45,
  migration: 45,
  deployment: 240,
};

/** US dollars in us-east-1, for one. */
const prices = {
  transition: 0.025 / 1000,
  /** A request, and 200 ms with 512 MB on arm64. */
  invocation: 0.2 / 1e6 + 0.2 * 0.5 * 0.0000133334,
  write: 0.625 / 1e6,
};

/** One healthy release of the example under a virtual clock, and the same work driven by a machine that polls. */
export async function benchOrchestration(): Promise<string> {
  const service = parseConfig(config).services.web;
  if (service === undefined) throw new Error("The example's config has no service web.");
  const ours = await measureSpillway();
  const theirs = await measurePolling(service, durationsOf(service));
  return render(service, ours, theirs);
}

async function measureSpillway(): Promise<OrchestrationCost> {
  // What functions log and count would bury the table.
  Object.assign(process.env, { POWERTOOLS_LOG_LEVEL: "SILENT", POWERTOOLS_METRICS_DISABLED: "true" });
  const world = await createWorld(1, config);
  try {
    const began = world.clock.now();
    const id = await world.release("aaaaaaa", {
      startSeconds: seconds.deployment ?? 0,
      migration: { seconds: seconds.migration ?? 0 },
      stages: Object.fromEntries(Object.entries(seconds).map(([stage, one]) => [stage, { seconds: one }])),
    });
    const milliseconds = world.clock.now() - began;
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    if (release.outcome !== "Released")
      throw new Error(`The release ended ${release.outcome}: ${release.reason}`);
    const writes = [...world.requests]
      .filter(([operation]) => /^DynamoDB_20120810\.(Put|Update|Delete)Item$/.test(operation))
      .reduce((sum, [, count]) => sum + count, 0);
    const histories = await world.clock.runUntil(readHistories(new SFNClient(world.connection.client)));
    return { ...countSteps(histories), writes, milliseconds };
  } finally {
    await world.close();
  }
}

/** Milliseconds of each work of a release, by the names that the polling machine has for it. */
function durationsOf(service: ServiceConfig): Map<string, number> {
  const works = [
    ...service.tracks.flat(),
    ...service.waves.flat().flatMap((environment) => workOf(environment, service)),
  ];
  return new Map(works.map((work) => [work, (seconds[work.split("/").at(-1) ?? ""] ?? 0) * 1000]));
}

/** What the release cannot be quicker than: its longest track, then its environments one after another. */
function criticalPath(service: ServiceConfig): number {
  const durations = durationsOf(service);
  const length = (works: readonly string[]) =>
    works.reduce((sum, work) => sum + (durations.get(work) ?? 0), 0);
  const environments = service.waves.flat().flatMap((environment) => workOf(environment, service));
  return Math.max(...service.tracks.map(length)) + length(environments);
}

function render(service: ServiceConfig, ours: OrchestrationCost, theirs: OrchestrationCost): string {
  const path = criticalPath(service);
  const dollars = ({ transitions, invocations, writes }: OrchestrationCost) =>
    transitions * prices.transition + invocations * prices.invocation + writes * prices.write;
  const rows: [string, (cost: OrchestrationCost) => number, number][] = [
    ["transitions", ({ transitions }) => transitions, 0],
    ["functions invoked", ({ invocations }) => invocations, 0],
    ["writes to the table", ({ writes }) => writes, 0],
    ["orchestration, US cents", (cost) => dollars(cost) * 100, 3],
    ["push to end, seconds", ({ milliseconds }) => milliseconds / 1000, 0],
    ["of it beyond the work, seconds", ({ milliseconds }) => (milliseconds - path) / 1000, 0],
  ];
  return [
    `One healthy release to ${service.waves.flat().join(" and ")} under the virtual clock, and the same work driven by a machine that polls every ${pollSeconds} s.`,
    table(
      ["", "spillway", "polling", "ratio"],
      rows.map(([name, read, digits]) => [
        name,
        read(ours).toFixed(digits),
        read(theirs).toFixed(digits),
        read(theirs) === 0 ? "–" : (read(ours) / read(theirs)).toFixed(2),
      ]),
    ),
  ].join("\n");
}
