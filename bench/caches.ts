import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BatchGetBuildsCommand,
  type Build,
  CodeBuildClient,
  CreateProjectCommand,
  type EnvironmentVariable,
  StartBuildCommand,
} from "@aws-sdk/client-codebuild";
import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import type { Connection } from "../aws/connection.ts";
import { cloneExample, releaseImages } from "../cli/example.ts";
import { readNetworkSettings } from "../cli/network-settings.ts";
import { parseConfig } from "../core/config.ts";
import { releaseStages } from "../core/stage.ts";
import { createRealClock } from "../local/asl/real-clock.ts";
import { type Laptop, startLaptop } from "../local/laptop.ts";
import config from "../spillway.config.ts";
import { median, table } from "./figures.ts";

const ROUNDS = 3;

/** A build without and with what an earlier one kept; times in milliseconds. */
export interface CacheGain {
  readonly what: string;
  readonly cold: BuildTime;
  readonly warm: BuildTime;
}

export interface BuildTime {
  readonly status: string;
  /** From the start of the build to its end. */
  readonly whole: number;
  /** The phase that the cache is for: INSTALL of a stage, BUILD of an image. */
  readonly phase: number;
  readonly restore: number;
  readonly save: number;
}

/** A buildspec that makes the example's image, after another command. */
const imageBuild = (before: string) => `version: 0.2
phases:
  build:
    commands:
      - ${before}
      - docker build --build-arg COMMIT=$CODEBUILD_BUILD_ID --tag web examples/web
`;

/**
 * Runs each stage of the example twice in a local AWS of its own, the second time with what the first one kept; and
 * builds its image without layers, with all of them, and with those that a change of the source leaves.
 */
export async function benchCaches(): Promise<CacheGain[]> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-bench-"));
  // The user's own npm cache would make every build a warm one.
  const { npm_config_cache: _, ...network } = readNetworkSettings(process.env);
  const watchers = new Set<() => void>();
  const clock = createRealClock();
  const laptop = await startLaptop({
    clock,
    folder,
    port: 0,
    sources: () => join(import.meta.dirname, ".."),
    path: process.env.PATH ?? "",
    network,
    onEvent: () => {
      for (const watch of watchers) watch();
    },
    onFault: (where, error) => console.error(where, error),
  });
  const connection = {
    now: clock.now,
    fetch,
    client: {
      region: laptop.aws.world.region,
      endpoint: laptop.url,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    },
  };
  const client = new CodeBuildClient(connection.client);
  const lines = new Map<string, string[]>();
  laptop.aws.logs.onLine(({ stream, message }) => {
    lines.set(stream, [...(lines.get(stream) ?? []), message]);
  });

  let images: EnvironmentVariable[] = [];
  const createProject = (name: string) =>
    client.send(
      new CreateProjectCommand({
        name,
        source: { type: "GITHUB", location: "https://example.com/spillway.git" },
        artifacts: { type: "NO_ARTIFACTS" },
        cache: { type: "LOCAL", modes: ["LOCAL_CUSTOM_CACHE", "LOCAL_DOCKER_LAYER_CACHE"] },
        environment: {
          type: "LINUX_CONTAINER",
          image: "aws/codebuild/standard:7.0",
          computeType: "BUILD_GENERAL1_SMALL",
          environmentVariables: [{ name: "SPILLWAY_IMAGE_BUILDER", value: "own" }, ...images],
        },
        serviceRole: "arn:aws:iam::000000000000:role/build",
      }),
    );

  const timeOf = async (projectName: string, buildspecOverride: string, phase: string) => {
    const { build } = await client.send(new StartBuildCommand({ projectName, buildspecOverride }));
    const ended = await whenEnded(build?.id ?? "");
    const log = lines.get(ended.logs?.streamName ?? "") ?? [];
    const seconds = (about: string) =>
      Number(log.map((line) => new RegExp(`${about}.* in ([\\d.]+) s`).exec(line)?.[1]).find(Boolean) ?? 0);
    return {
      status: ended.buildStatus ?? "",
      whole: Number(ended.endTime) - Number(ended.startTime),
      phase: durationOf(ended, phase),
      restore: seconds("Cache hit") * 1000,
      save: seconds("Cache saved") * 1000,
    };
  };

  const whenEnded = async (id: string): Promise<Build> => {
    for (;;) {
      const told = new Promise<void>((resolve) => watchers.add(resolve));
      const { builds } = await client.send(new BatchGetBuildsCommand({ ids: [id] }));
      if (builds?.[0]?.buildComplete === true) return builds[0];
      await told;
      watchers.clear();
    }
  };

  /** In a project of its own for each round, so that the first build is always a cold one. */
  const gainOf = async (what: string, cold: string, warm: string, phase: string): Promise<CacheGain> => {
    const rounds: Pick<CacheGain, "cold" | "warm">[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const project = `${what.replaceAll(/\W/g, "-")}-${round}`;
      await createProject(project);
      const first = await timeOf(project, cold, phase);
      rounds.push({ cold: first, warm: await timeOf(project, warm, phase) });
    }
    return {
      what,
      cold: medianOf(rounds.map((round) => round.cold)),
      warm: medianOf(rounds.map((round) => round.warm)),
    };
  };

  try {
    images = await pushImages({ laptop, connection, folder, network });
    const gains: CacheGain[] = [];
    for (const { stage, buildspec } of cachingStages())
      gains.push(await gainOf(`stage ${stage}`, buildspec, buildspec, "INSTALL"));
    const changes = { "another commit": "true", "a changed source": "echo '//' >> examples/web/src/main.ts" };
    for (const [what, before] of Object.entries(changes))
      gains.push(await gainOf(`image, ${what}`, imageBuild("true"), imageBuild(before), "BUILD"));
    return gains;
  } finally {
    await laptop.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Pushes the example's images, which stages are told of that test them. */
async function pushImages(options: {
  readonly laptop: Laptop;
  readonly connection: Connection;
  readonly folder: string;
  readonly network: Readonly<Record<string, string>>;
}): Promise<EnvironmentVariable[]> {
  const { laptop, connection, folder } = options;
  const repositories = { SPILLWAY_IMAGE: "web", SPILLWAY_MIGRATION_IMAGE: "web-migrate" };
  const ecr = new ECRClient(connection.client);
  for (const repositoryName of Object.values(repositories))
    await ecr.send(new CreateRepositoryCommand({ repositoryName }));
  const clock = createRealClock();
  const source = await cloneExample(clock, join(import.meta.dirname, ".."), join(folder, "source"));
  const pushing = { ...options, registry: laptop.url, onLine: () => {} };
  const { tag } = await releaseImages(clock, source, source.head, pushing);
  const { accountId, region } = laptop.aws.world;
  return Object.entries(repositories).map(([name, repository]) => {
    const digest = laptop.aws.images.find(repository, tag)?.digest;
    return { name, value: `${accountId}.dkr.ecr.${region}.amazonaws.com/${repository}@${digest}` };
  });
}

/** The stages that check a commit; what verifies an environment installs nothing, and needs one to verify. */
function cachingStages() {
  const { web } = parseConfig(config).services;
  if (web === undefined) throw new Error("spillway.config.ts has no service web.");
  return releaseStages(web).map((stage) => ({ stage, buildspec: web.stages[stage]?.buildspec ?? "" }));
}

function medianOf(times: readonly BuildTime[]): BuildTime {
  const middle = (value: (time: BuildTime) => number) => median(times.map(value));
  return {
    status: times.find(({ status }) => status !== "SUCCEEDED")?.status ?? "SUCCEEDED",
    whole: middle(({ whole }) => whole),
    phase: middle(({ phase }) => phase),
    restore: middle(({ restore }) => restore),
    save: middle(({ save }) => save),
  };
}

function durationOf({ phases = [] }: Build, wanted: string): number {
  const phase = phases.find(({ phaseType }) => phaseType === wanted);
  return Number(phase?.endTime ?? 0) - Number(phase?.startTime ?? 0);
}

/** The table; a build that failed says so in place of its ratio. */
export function renderCacheBench(gains: readonly CacheGain[]): string {
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
  const rows = gains.map(({ what, cold, warm }) => {
    const failed = [cold, warm].filter(({ status }) => status !== "SUCCEEDED");
    return [
      what,
      `${seconds(cold.whole)} (${seconds(cold.phase)})`,
      `${seconds(warm.whole)} (${seconds(warm.phase)})`,
      failed.length > 0
        ? failed.map(({ status }) => status).join(", ")
        : (warm.whole / cold.whole).toFixed(2),
      seconds(warm.restore),
      seconds(cold.save),
    ];
  });
  return [
    `Caches: a build without and with what an earlier one kept; in brackets INSTALL of a stage, BUILD of an image (medians of ${ROUNDS}):`,
    table(["build", "cold", "warm", "ratio", "restore", "save"], rows),
  ].join("\n");
}
