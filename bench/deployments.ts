import { parseConfig } from "../core/config.ts";
import { exampleService } from "./example-service.ts";
import { table } from "./figures.ts";
import { deploy, describeService, releaseAs, withInstallation } from "./installation.ts";
import { type LoadTally, startLoad } from "./load.ts";

/** Deployments, and as many rollbacks. */
const ROUNDS = 20;
const REQUESTS_PER_SECOND = 200;
/** How long the same load runs while nothing is deployed. */
const CALM_MILLISECONDS = 20_000;
const WARM_UP_MILLISECONDS = 3_000;
const environment = "development";

/** What a client saw while nothing was deployed, and during deployments and rollbacks. */
export interface DeploymentsUnderLoad {
  readonly calm: LoadTally;
  readonly busy: LoadTally;
  readonly deployments: number;
  readonly rollbacks: number;
}

/**
 * Takes the example's service forward and back between two images, each time by the deploy machine as a person would
 * start it, while a client in a process of its own asks at a fixed rate.
 */
export async function benchDeployments(): Promise<DeploymentsUnderLoad> {
  return withInstallation(benchConfig(), async (installation) => {
    const { source, clock } = installation;
    await releaseAs(installation, source.head, "Released");
    const { id } = await releaseAs(installation, await source.commitHealthy(), "Released");
    const { ServiceUrl } = await describeService(installation, environment);
    const loadFor = async (milliseconds: number) => {
      const load = startLoad(ServiceUrl, REQUESTS_PER_SECOND);
      await new Promise<void>((resolve) => clock.after(milliseconds, resolve));
      return load.stop();
    };
    await loadFor(WARM_UP_MILLISECONDS);
    const calm = await loadFor(CALM_MILLISECONDS);
    const load = startLoad(ServiceUrl, REQUESTS_PER_SECOND);
    for (let round = 0; round < ROUNDS; round += 1) {
      await deploy(installation, { intent: "rollback", service: "web", environment });
      await deploy(installation, { intent: "deploy", release: id, environment });
    }
    return { calm, busy: await load.stop(), deployments: ROUNDS, rollbacks: ROUNDS };
  });
}

/** The example in development, without the stages that would check each commit. */
function benchConfig() {
  const web = exampleService();
  const { development } = web.environments;
  if (development === undefined) throw new Error("The example has no environment development.");
  const { build: _, ...rest } = web;
  return parseConfig({
    services: {
      web: { ...rest, stages: {}, tracks: [], environments: { development }, waves: [[environment]] },
    },
  });
}

/** A table, and what failed by its kind. */
export function renderDeploymentsBench(cost: DeploymentsUnderLoad): string {
  const { calm, busy } = cost;
  const failures = ({ failed }: LoadTally) => Object.values(failed).reduce((sum, count) => sum + count, 0);
  const rows: [string, (tally: LoadTally) => string][] = [
    ["seconds", ({ seconds }) => seconds.toFixed(0)],
    ["requests", ({ requests }) => String(requests)],
    ["failed (aim: 0)", (tally) => String(failures(tally))],
    ["p50", ({ p50Milliseconds }) => `${p50Milliseconds.toFixed(1)} ms`],
    ["p99", ({ p99Milliseconds }) => `${p99Milliseconds.toFixed(1)} ms`],
    ["slowest", ({ slowestMilliseconds }) => `${slowestMilliseconds.toFixed(0)} ms`],
    ["commits that answered", ({ commits }) => String(Object.keys(commits).length)],
  ];
  const kinds = Object.entries(busy.failed).map(([kind, count]) => `${count} × ${kind}`);
  return [
    `${cost.deployments} deployments and ${cost.rollbacks} rollbacks under ${REQUESTS_PER_SECOND} requests a second, beside the same load without them:`,
    table(
      ["", "nothing deployed", "deployed and rolled back"],
      rows.map(([name, read]) => [name, read(calm), read(busy)]),
    ),
    ...kinds,
  ].join("\n");
}
