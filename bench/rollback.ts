import { execFileSync } from "node:child_process";
import { AppRunnerClient, UpdateServiceCommand } from "@aws-sdk/client-apprunner";
import { type HistoryEvent, SFNClient } from "@aws-sdk/client-sfn";
import type { Installation } from "../cli/installation.ts";
import { parseConfig } from "../core/config.ts";
import type { Release } from "../core/records.ts";
import { sleep } from "../local/asl/clock.ts";
import { exampleService } from "./example-service.ts";
import { median, table } from "./figures.ts";
import { readHistory } from "./histories.ts";
import { deploy, describeService, lastOperation, releaseAs, withInstallation } from "./installation.ts";

const ROUNDS = 5;
const AIM = 1.1;

/** Who says no, and in which environment of the bench. */
const verdicts = {
  "CheckHealth: an answer that lacks something": "production",
  "a verification that fails": "staging",
} as const;
type Said = keyof typeof verdicts;

/** Milliseconds of one way back, and of App Runner's own deployment of the same image after it. */
interface Way {
  /** From the verdict to the start of the operation that brings the previous revision back. */
  readonly until: number;
  /** From the verdict until the previous revision serves. */
  readonly back: number;
  readonly own: number;
}

export type RollbackTimes = Readonly<Record<Said, readonly Way[]>>;

/**
 * Brings a failing release to two environments again and again, and takes the time from the verdict until what was
 * live before serves again. After each, App Runner is asked directly to change to the same image.
 */
export async function benchRollback(): Promise<RollbackTimes> {
  const commit = execFileSync("git", ["-C", import.meta.dirname, "rev-parse", "HEAD"], { encoding: "utf8" });
  return withInstallation(benchConfig(commit.trim()), async (installation) => {
    const { source } = installation;
    const good = await releaseAs(installation, source.head, "Released");
    await deploy(installation, { intent: "deploy", release: good.id, environment: "production" });
    // The first of each is for the files that App Runner unpacks once.
    const bad = await releaseAs(installation, await source.commitScenario("failing-e2e"), "RolledBack");
    const ways = async (environment: string) => {
      const found: Way[] = [];
      for (let round = 0; round < ROUNDS; round += 1)
        found.push(await goThereAndBack(installation, environment, good, bad));
      return found;
    };
    return {
      "CheckHealth: an answer that lacks something": await ways("production"),
      "a verification that fails": await ways("staging"),
    };
  });
}

async function goThereAndBack(
  installation: Installation,
  environment: string,
  good: Release,
  bad: Release,
): Promise<Way> {
  const { ServiceArn } = await describeService(installation, environment);
  const input = { intent: "deploy", release: bad.id, environment };
  const execution = await deploy(installation, input, "FAILED");
  const attempts = await installation.records.deployments(bad.id);
  const deployment = attempts.find(({ executionArn }) => executionArn === execution);
  // Where App Runner goes back by itself there is no verdict of ours, and nothing to compare.
  if (deployment?.outcome !== "RolledBack" || deployment.rollback?.action !== "restored")
    throw new Error(`The deployment ended ${deployment?.outcome}: ${deployment?.reason}`);
  const failed = Object.values(deployment.verification).find(({ passed }) => !passed);
  const history = await readHistory(new SFNClient(installation.connection.client), execution);
  const saidAt = failed?.endedAt ?? enteredAt(history, "DeploymentUnhealthy");
  const restored = await lastOperation(installation, ServiceArn);
  const [startedAt, servesAt] = [Number(restored.StartedAt), Number(restored.EndedAt)];
  await update(installation, environment, bad);
  return {
    until: startedAt - saidAt,
    back: servesAt - saidAt,
    own: await update(installation, environment, good),
  };
}

function enteredAt(history: readonly HistoryEvent[], state: string): number {
  const entered = history.find(({ stateEnteredEventDetails: details }) => details?.name === state);
  if (entered?.timestamp === undefined) throw new Error(`The execution never came to ${state}.`);
  return entered.timestamp.getTime();
}

/** Asks App Runner itself for another image, everything else as it is. @returns how long it took. */
async function update(installation: Installation, environment: string, { image }: Release): Promise<number> {
  const { clock, connection } = installation;
  const { ServiceArn, SourceConfiguration: source } = await describeService(installation, environment);
  await new AppRunnerClient(connection.client).send(
    new UpdateServiceCommand({
      ServiceArn,
      SourceConfiguration: {
        ...source,
        ImageRepository: {
          ImageRepositoryType: "ECR",
          ...source?.ImageRepository,
          ImageIdentifier: image?.uri,
        },
      },
    }),
  );
  for (;;) {
    const { Status, StartedAt, EndedAt } = await lastOperation(installation, ServiceArn);
    if (Status === "SUCCEEDED") return Number(EndedAt) - Number(StartedAt);
    if (EndedAt !== undefined) throw new Error(`App Runner's own update of ${environment} ended ${Status}.`);
    await sleep(clock, 100);
  }
}

/**
 * The example with SQLite in two environments. Staging is verified from outside. The health of production demands a
 * text that only this commit answers with, which App Runner's own health check does not.
 */
function benchConfig(commit: string) {
  const { build: _, stages, ...web } = exampleService();
  const { development } = web.environments;
  const { "end-to-end": endToEnd } = stages;
  if (development === undefined || endToEnd === undefined)
    throw new Error("The example has no environment development or no stage end-to-end.");
  const environments = {
    staging: { ...development, verification: [["end-to-end"]] },
    production: {
      ...development,
      health: { ...development.health, bodyContains: commit, consecutiveFailures: 2 },
    },
  };
  const waves = [["staging"]];
  return parseConfig({
    services: { web: { ...web, stages: { "end-to-end": endToEnd }, tracks: [], environments, waves } },
  });
}

/** A table of medians. */
export function renderRollbackBench(times: RollbackTimes): string {
  const milliseconds = (value: number) => `${value.toFixed(0)} ms`;
  const rows = Object.entries(times).map(([said, ways]) => {
    const middle = (read: (way: Way) => number) => median(ways.map(read));
    const [back, own] = [middle(({ back }) => back), middle(({ own }) => own)];
    return [
      said,
      milliseconds(middle(({ until }) => until)),
      milliseconds(back),
      milliseconds(own),
      (back / own).toFixed(2),
      `${Math.max(0, (back - own) / (AIM - 1) / 1000).toFixed(1)} s`,
    ];
  });
  const head = [
    "verdict",
    "until App Runner is told",
    "until the previous revision serves",
    "App Runner's own deployment",
    `ratio (aim ≤ ${AIM})`,
    "aim is met from a deployment of",
  ];
  return [
    `From a failing verdict to the previous revision serving (medians of ${ROUNDS}):`,
    table(head, rows),
  ].join("\n");
}
