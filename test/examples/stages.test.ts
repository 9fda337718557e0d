import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { BatchGetReportsCommand } from "@aws-sdk/client-codebuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readNetworkSettings } from "../../cli/network-settings.ts";
import { type EndedBuild, startBuilds } from "../local/codebuild/laptop-builds.ts";
import { example, runNode, serveExample } from "./example.ts";

const root = join(example, "../..");
let folder: string;
let builds: Awaited<ReturnType<typeof startBuilds>>;

/** The committed files of the example, by their path in the repository. */
async function filesOfExample(): Promise<Record<string, string>> {
  const listed = await promisify(execFile)("git", ["-C", root, "ls-files", "examples/web"]);
  const paths = listed.stdout.trim().split("\n");
  const texts = await Promise.all(paths.map((path) => readFile(join(root, path), "utf8")));
  return Object.fromEntries(paths.map((path, index) => [path, texts[index] ?? ""]));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-stages-"));
  const { npm_config_cache: _, ...network } = readNetworkSettings(process.env);
  builds = await startBuilds({
    files: await filesOfExample(),
    project: { cache: { type: "LOCAL", modes: ["LOCAL_CUSTOM_CACHE"] } },
    network,
  });
}, 60_000);

afterAll(async () => {
  await builds?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

function build(stage: string, variables: Readonly<Record<string, string>> = {}): Promise<EndedBuild> {
  return builds.build(`examples/web/buildspecs/${stage}.yml`, {
    environmentVariablesOverride: Object.entries(variables).map(([name, value]) => ({ name, value })),
  });
}

async function reportsOf({ reportArns = [] }: EndedBuild) {
  return (await builds.client.send(new BatchGetReportsCommand({ reportArns }))).reports ?? [];
}

test("every buildspec is version 0.2, works from the repository's root and keeps files that its stage writes", async () => {
  const names = await readdir(join(example, "buildspecs"));
  expect(names.toSorted()).toEqual(
    ["build-image", "end-to-end", "integration-tests", "performance", "security-scan"]
      .concat(["static-analysis", "unit-tests"])
      .map((name) => `${name}.yml`),
  );
  for (const name of names) {
    const spec = parse(await readFile(join(example, "buildspecs", name), "utf8"));
    expect(spec.version, name).toBe(0.2);
    expect(spec.phases.install.commands, name).toContain('cd "$CODEBUILD_SRC_DIR/examples/web"');
    const kept = [...Object.values<{ "base-directory": string }>(spec.reports ?? {}), spec.artifacts];
    for (const files of kept.filter(Boolean))
      expect(files["base-directory"], name).toBe("examples/web/reports");
  }
});

describe("unit tests", () => {
  test("report results and coverage, and a second build needs nothing but the cache", async () => {
    const cold = await build("unit-tests");
    expect(cold.buildStatus, cold.output.join("\n")).toBe("SUCCEEDED");
    const [results, coverage] = await reportsOf(cold);
    expect(results?.testSummary?.total).toBeGreaterThan(40);
    expect(coverage?.codeCoverageSummary?.lineCoveragePercentage).toBeGreaterThan(80);
    expect(coverage?.codeCoverageSummary?.branchesCovered).toBeGreaterThan(100);
    const warm = await build("unit-tests", { npm_config_offline: "true", TZ: "America/St_Johns" });
    expect(warm.buildStatus, warm.output.join("\n")).toBe("SUCCEEDED");
    expect(warm.notes).toContainEqual(expect.stringMatching(/^Cache hit: restored [1-9]\d* files/));
  }, 60_000);

  test("fail for a time zone that does not exist, instead of testing UTC again", async () => {
    const tested = await runNode(example, ["--test", "test/unit/time-zone.test.ts"], {
      TZ: "America/St_John",
    });
    expect([tested.code, tested.output]).toEqual([
      1,
      expect.stringContaining("Invalid time zone specified: America/St_John"),
    ]);
  });
});

describe("stages that verify an environment", () => {
  const commit = "3f2a91c5e7d80b1a2c4f6e8091a3b5c7d9e1f203";
  let service: Awaited<ReturnType<typeof serveExample>>;
  beforeAll(async () => {
    const settings = { DATABASE_URL: `sqlite:${join(folder, "web.sqlite")}`, SPILLWAY_COMMIT: commit };
    service = await serveExample(example, { ...settings, NODE_ENV: "test" });
  });
  afterAll(() => service?.stop());

  test("end-to-end passes, and leaves one marked link behind", async () => {
    const tested = await build("end-to-end", { SPILLWAY_URL: service.base, SPILLWAY_COMMIT: commit });
    expect(tested.buildStatus, tested.output.join("\n")).toBe("SUCCEEDED");
    expect((await reportsOf(tested))[0]?.testSummary).toMatchObject({
      total: 8,
      statusCounts: { SUCCEEDED: 8 },
    });
    const { links }: { links: { url: string }[] } = JSON.parse(
      await (await fetch(`${service.base}/api/links`)).text(),
    );
    expect(links.map(({ url }) => url)).toEqual([
      expect.stringMatching(/^https:\/\/check\.invalid\/end-to-end\//),
    ]);
  });

  test("end-to-end fails when another commit answers than the one that was deployed, or none", async () => {
    const other = await build("end-to-end", { SPILLWAY_URL: service.base, SPILLWAY_COMMIT: "another" });
    expect(other.buildStatus).toBe("FAILED");
    expect(other.output.join("\n")).toContain("✖ is healthy, at the commit that was deployed");
    const runTests = (settings: Record<string, string>) =>
      runNode(example, ["--test", "test/end-to-end/*.test.ts"], settings);
    expect((await runTests({ SPILLWAY_URL: "http://127.0.0.1:1" })).code).toBe(1);
    const forgotten = await runTests({ SPILLWAY_COMMIT: commit });
    expect([forgotten.code, forgotten.output]).toEqual([
      1,
      expect.stringContaining("SPILLWAY_URL is not set"),
    ]);
  });

  const load = { SPILLWAY_LOAD_SECONDS: "1", SPILLWAY_LOAD_REQUESTS_PER_SECOND: "20" };

  test("performance passes within generous limits and says what it measured", async () => {
    const limits = { SPILLWAY_LIMIT_P50_MILLISECONDS: "9000", SPILLWAY_LIMIT_P99_MILLISECONDS: "9000" };
    const measured = await build("performance", { SPILLWAY_URL: service.base, ...load, ...limits });
    expect(measured.buildStatus, measured.output.join("\n")).toBe("SUCCEEDED");
    expect(measured.output.join("\n")).toMatch(/p50 [\d.]+ ms, p99 [\d.]+ ms, slowest [\d.]+ ms, errors 0 %/);
    expect((await reportsOf(measured))[0]?.testSummary?.total).toBe(3);
  });

  test("performance fails with the missed limit as its last words", async () => {
    const limits = { SPILLWAY_LIMIT_P99_MILLISECONDS: "0" };
    const measured = await build("performance", { SPILLWAY_URL: service.base, ...load, ...limits });
    expect(measured.buildStatus).toBe("FAILED");
    expect(measured.output.at(-1)).toMatch(/^Missed: p99 .* over the limit of 0 ms/);
    expect((await reportsOf(measured))[0]?.testSummary).toMatchObject({ statusCounts: { FAILED: 1 } });
    const nobody = await runNode(example, ["performance/main.ts"], { SPILLWAY_URL: "http://127.0.0.1:1" });
    expect([nobody.code, nobody.lines.length]).toEqual([1, 1]);
  });
});

describe("the build of images", () => {
  const registry = "000000000000.dkr.ecr.eu-central-1.amazonaws.com";

  /** Runs the buildspec's commands with programs that write down how they were called, in place of docker and aws. */
  async function run(options: { hasBuildx: boolean; commit?: string }) {
    const place = await mkdtemp(join(folder, "build-"));
    const [tools, source] = [join(place, "tools"), join(place, "source")];
    await mkdir(tools);
    const git = (...words: string[]) => promisify(execFile)("git", words, { cwd: source });
    // Shallow, as a build's source may be.
    await promisify(execFile)("git", ["clone", "--quiet", "--depth=1", `file://${root}`, source]);
    const commit = options.commit ?? (await git("rev-parse", "HEAD")).stdout.trim();
    const docker = `case "$1 $2" in
      "login "*) echo "password $(cat)" >> "${place}/calls";;
      "buildx create") exit ${options.hasBuildx ? 0 : 1};;
      "build "*) for word in "$@"; do case "$word" in type=local,dest=*) to="\${word#*dest=}"; mkdir -p "\${to%%,*}"; echo "$4" > "\${to%%,*}/layer";; esac; done;;
    esac`;
    for (const [name, script] of Object.entries({ docker, aws: "echo secret" })) {
      const text = `#!/usr/bin/env bash\necho "${name} $*" >> "${place}/calls"\n${script}\n`;
      await writeFile(join(tools, name), text, { mode: 0o755 });
    }
    const { phases } = parse(await readFile(join(example, "buildspecs/build-image.yml"), "utf8"));
    const commands = ["install", "pre_build", "build"].flatMap((phase) => phases[phase].commands);
    const ended = await promisify(execFile)("bash", ["-ec", commands.join("\n")], {
      cwd: source,
      env: {
        PATH: `${tools}:${process.env.PATH}`,
        CODEBUILD_SRC_DIR: source,
        SPILLWAY_COMMIT: commit,
        SPILLWAY_REGISTRY: registry,
        SPILLWAY_REPOSITORY: "web",
        SPILLWAY_MIGRATION_REPOSITORY: "web-migrate",
      },
    }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );
    const calls = await readFile(join(place, "calls"), "utf8").catch(() => "");
    return { ...ended, commit, source, calls: calls.trim().split("\n") };
  }

  test("makes both images of the commit, keeps their layers, and pushes the service's last", async () => {
    const { code, stdout, commit, source, calls } = await run({ hasBuildx: true });
    expect(code, stdout).toBe(0);
    const { stdout: shown } = await promisify(execFile)("git", [
      ...["-C", root, "show", "-s", "--format=%ct %ae", "HEAD"],
    ]);
    const [seconds, author] = shown.trim().split(" ");
    const tag = commit.slice(0, 7);
    const built = (repository: string, dockerfile: string) =>
      `docker build --tag ${registry}/${repository}:${tag} --file ${dockerfile} --build-arg COMMIT=${commit} --build-arg SEQUENCE=${seconds} --label dev.spillway.author=${author} --cache-from type=local,src=${source}/.layers/${dockerfile} --cache-to type=local,dest=${source}/.layers/${dockerfile}.new,mode=max .`;
    expect(calls.filter((call) => !call.startsWith("docker buildx"))).toEqual([
      expect.stringMatching(/^(aws ecr get-login-password|docker login)/),
      expect.stringMatching(/^(aws ecr get-login-password|docker login)/),
      "password secret",
      built("web-migrate", "Dockerfile.migrate"),
      built("web", "Dockerfile"),
      `docker push ${registry}/web-migrate:${tag}`,
      `docker push ${registry}/web:${tag}`,
    ]);
    expect(await readdir(join(source, ".layers"))).toEqual(["Dockerfile", "Dockerfile.migrate"]);
    const plain = await run({ hasBuildx: false });
    expect(plain.code, plain.stdout).toBe(0);
    expect(plain.calls).not.toContainEqual(expect.stringContaining("--cache-"));
    expect(plain.calls.at(-1)).toBe(`docker push ${registry}/web:${tag}`);
  }, 60_000);

  test("builds nothing of another commit than it was asked for", async () => {
    const { code, stdout, calls } = await run({ hasBuildx: true, commit: "f".repeat(40) });
    expect([code, calls]).toEqual([1, [""]]);
    expect(stdout).toContain("not at the commit to build");
  }, 60_000);
});
