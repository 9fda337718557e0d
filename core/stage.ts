import { checkListed, type EnvironmentConfig, type ServiceConfig, type StageConfig } from "./config.ts";
import { SpillwayError } from "./errors.ts";
import type { Release } from "./records.ts";

/** The name of the build that makes a commit's images; no stage may have it. */
export const buildImageStage = "build-image";

/** One build of a stage: the whole stage, or one combination of its matrix. */
export interface StageBuild {
  readonly stage: string;
  /** The stage's name, with the combination if it has a matrix: `unit-tests[STORE=sqlite,NODE=24]`. */
  readonly build: string;
  /** The combination's variables; none without a matrix. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The builds of a stage, one for each combination of its matrix, in the order in which the config names the values. */
export function buildsOf(stage: string, { matrix = {} }: Pick<StageConfig, "matrix">): StageBuild[] {
  let combinations: Record<string, string>[] = [{}];
  for (const [variable, values] of Object.entries(matrix))
    combinations = combinations.flatMap((chosen) =>
      values.map((value) => ({ ...chosen, [variable]: value })),
    );
  return combinations.map((variables) => ({ stage, build: buildName(stage, variables), variables }));
}

/**
 * The build of that name, in the config by which the release was admitted.
 * @throws SpillwayError InvalidInput if there is none.
 */
export function requireBuild(
  release: Pick<Release, "id" | "service" | "installation">,
  stage: string,
  build: string,
): { config: StageConfig; variables: Readonly<Record<string, string>> } {
  const config = release.installation.config.services[release.service]?.stages[stage];
  const builds = config === undefined ? [] : buildsOf(stage, config);
  const found = builds.find((one) => one.build === build);
  if (config !== undefined && found !== undefined) return { config, variables: found.variables };
  throw new SpillwayError(
    "InvalidInput",
    `The release ${release.id} was admitted without a build ${build} of a stage ${stage}; that stage has ${builds.map((one) => one.build).join(", ") || "none"}.`,
  );
}

function buildName(stage: string, variables: Readonly<Record<string, string>>): string {
  const chosen = Object.entries(variables).map(([variable, value]) => `${variable}=${value}`);
  return chosen.length === 0 ? stage : `${stage}[${chosen.join(",")}]`;
}

/** The stages that check a release before it is deployed: all but those of a verification. */
export function releaseStages({
  stages,
  environments,
}: Pick<ServiceConfig, "stages" | "environments">): string[] {
  const verifying = new Set(Object.values(environments).flatMap(({ verification }) => verification.flat()));
  return Object.keys(stages).filter((stage) => !verifying.has(stage));
}

/** The stages that check a release before it is deployed, or as far as its commit is enough for them. */
export function stagesOf(
  service: Pick<ServiceConfig, "stages" | "environments">,
  has: "source" | "image",
): string[] {
  const stages = releaseStages(service);
  return has === "image" ? stages : stages.filter((name) => service.stages[name]?.needs === "source");
}

/** What a stage that verifies an environment is told: where it answers, and the limits of the config. */
export function verificationVariables(
  environment: string,
  { performance = {} }: Pick<EnvironmentConfig, "performance">,
  url: string,
): Record<string, string> {
  const limits = {
    SPILLWAY_LIMIT_P50_MILLISECONDS: performance.p50Milliseconds,
    SPILLWAY_LIMIT_P99_MILLISECONDS: performance.p99Milliseconds,
    SPILLWAY_LIMIT_ERROR_PERCENT: performance.errorPercent,
    SPILLWAY_LOAD_REQUESTS_PER_SECOND: performance.requestsPerSecond,
    SPILLWAY_LOAD_SECONDS: performance.seconds,
  };
  const given = Object.entries(limits).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return { SPILLWAY_ENVIRONMENT: environment, SPILLWAY_URL: url, ...Object.fromEntries(given) };
}

/** CodeBuild's limit of builds at one time, in an account that has asked for no more, is seldom higher. */
const mostBuildsOfStage = 20;
/** What a release runs and remembers stays far below what a state (256 KiB) and a record (400 KB) may hold. */
const mostBuildsOfService = 200;
const longestBuildName = 200;

/** Tells what is wrong with the stages of a service: each runs once, in tracks or in verifications. */
export function checkStages(service: ServiceConfig, report: (path: string, message: string) => void): void {
  const { stages, tracks, environments } = service;
  const declared = Object.keys(stages);
  const tracked = tracks.flat();
  checkListed(tracks, declared, "stage", (text) => report("tracks", text));
  for (const stage of releaseStages(service))
    if (!tracked.includes(stage)) report("tracks", `${stage} is never run; add it or remove the stage`);
  for (const [environment, { verification }] of Object.entries(environments)) {
    const say = (text: string) => report("environments", `${environment}.verification: ${text}`);
    checkListed(verification, declared, "stage", say);
    for (const stage of verification.flat().filter((name) => tracked.includes(name)))
      say(`${stage} is in tracks too; a stage checks releases or environments, not both`);
  }
  if (declared.includes(buildImageStage))
    report("stages", `${buildImageStage} is the name of the build of images; choose another`);
  let builds = 0;
  for (const [stage, config] of Object.entries(stages)) builds += checkMatrix(stage, config, report);
  if (builds > mostBuildsOfService)
    report("stages", `there are ${builds} builds in all; make at most ${mostBuildsOfService}`);
}

/** @returns how many builds the stage makes. */
function checkMatrix(
  stage: string,
  { matrix = {} }: StageConfig,
  report: (path: string, message: string) => void,
): number {
  const builds = Object.values(matrix).reduce((product, values) => product * values.length, 1);
  if (builds > mostBuildsOfStage)
    report("stages", `the matrix of ${stage} makes ${builds} builds; make at most ${mostBuildsOfStage}`);
  for (const [variable, values] of Object.entries(matrix))
    if (new Set(values).size < values.length)
      report("stages", `the matrix of ${stage} has a value of ${variable} twice`);
  if (builds <= mostBuildsOfStage)
    for (const { build } of buildsOf(stage, { matrix }))
      if (build.length > longestBuildName)
        report(
          "stages",
          `${build.slice(0, 60)}… is longer than ${longestBuildName} characters; shorten its values`,
        );
  return builds;
}
