import { parseConfig, type ServiceConfig } from "../core/config.ts";
import config from "../spillway.config.ts";
import { countRelease, workSeconds } from "./counted-release.ts";
import { table } from "./figures.ts";
import { measurePolling, type OrchestrationCost, pollSeconds, workOf } from "./polling.ts";
import { prices } from "./prices.ts";

/** What a call of a small function is billed for, with 512 MB. */
const callSeconds = 0.2;

/** One healthy release of the example under a virtual clock, and the same work driven by a machine that polls. */
export async function benchOrchestration(): Promise<string> {
  const service = parseConfig(config).services.web;
  if (service === undefined) throw new Error("The example's config has no service web.");
  const ours = await countRelease();
  const theirs = await measurePolling(service, durationsOf(service));
  return render(service, ours, theirs);
}

/** Milliseconds of each work of a release, by the names that the polling machine has for it. */
function durationsOf(service: ServiceConfig): Map<string, number> {
  const works = [
    ...service.tracks.flat(),
    ...service.waves.flat().flatMap((environment) => workOf(environment, service)),
  ];
  return new Map(works.map((work) => [work, (workSeconds[work.split("/").at(-1) ?? ""] ?? 0) * 1000]));
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
    transitions * prices.transition.dollars +
    invocations * (prices.invocation.dollars + callSeconds * 0.5 * prices.gigabyteSecond.dollars) +
    writes * prices.write.dollars;
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
