import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BatchGetImageCommand, CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectImages } from "../../aws/ecr.ts";
import { readLabels, readSchemaLabels } from "../../core/image.ts";
import { spec, startBuilds } from "../local/codebuild/laptop-builds.ts";
import { hasTool } from "./tools.ts";

const present = hasTool("aws", ["--version"], "examples/ci/build-and-push.sh against the local AWS");
const script = readFileSync(join(import.meta.dirname, "../../examples/ci/build-and-push.sh"), "utf8");
const [repository, migrations] = ["web", "web-migrate"];

const dockerfile = (labels: string) =>
  `FROM node:24\nWORKDIR /app\nCOPY main.js ./\n${labels}\nENTRYPOINT ["node", "main.js"]\n`;
const files = {
  "ci/build-and-push.sh": script,
  "main.js": "console.log('hello')",
  Dockerfile: dockerfile('LABEL dev.spillway.schema="0002"'),
  "Dockerfile.migrate": dockerfile(
    'LABEL dev.spillway.schema.history="0001,0002" dev.spillway.schema.readable-from="0001"',
  ),
};

/** A job of a CI is a build here: docker is the laptop's own, git and the AWS CLI are the machine's. */
describe.skipIf(!present)("examples/ci/build-and-push.sh, run as it is written", () => {
  let builds: Awaited<ReturnType<typeof startBuilds>>;
  let ecr: ECRClient;
  beforeAll(async () => {
    builds = await startBuilds({
      files,
      project: {
        environment: {
          type: "LINUX_CONTAINER",
          image: "aws/codebuild/standard:7.0",
          computeType: "BUILD_GENERAL1_SMALL",
          privilegedMode: true,
          environmentVariables: [
            { name: "SPILLWAY_IMAGE_BUILDER", value: "own" },
            { name: "REGISTRY", value: "000000000000.dkr.ecr.us-east-1.amazonaws.com" },
            { name: "REPOSITORY", value: repository },
            { name: "MIGRATION_REPOSITORY", value: migrations },
          ],
        },
      },
    });
    ecr = new ECRClient(builds.settings);
    for (const repositoryName of [repository, migrations])
      await ecr.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: "IMMUTABLE" }));
  });
  afterAll(() => builds?.stop());

  const run = () =>
    builds.build(spec({ build: ["git log -1 --format='%H %ct'", "bash ci/build-and-push.sh"] }));
  /** What the commit that was built is, by the first line that the job printed. */
  const commitOf = (output: readonly string[]) => {
    const [, commit = "", time = ""] =
      output.map((line) => /^([0-9a-f]{40}) (\d+)$/.exec(line)).find(Boolean) ?? [];
    return { commit, time };
  };
  async function labelsOf(repositoryName: string, imageTag: string) {
    const { images = [] } = await ecr.send(
      new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag }] }),
    );
    const connection = { now: Date.now, fetch, client: builds.settings };
    const digest = images[0]?.imageId?.imageDigest ?? "";
    const image = { repository: repositoryName, digest, uri: `${repositoryName}@${digest}` };
    return connectImages(connection).labels(image, "linux/amd64");
  }

  it("pushes both images with the labels that Spillway reads, and leaves them alone the next time", async () => {
    const first = await run();
    expect(first.buildStatus, first.output.join("\n")).toBe("SUCCEEDED");
    const { commit, time } = commitOf(first.output);
    const tag = commit.slice(0, 12);
    const labels = await labelsOf(repository, tag);
    expect(readLabels(labels, 0)).toEqual({
      commit,
      sequence: Number(time),
      schema: "0002",
      author: "test@example.com",
    });
    const ofMigrations = await labelsOf(migrations, tag);
    expect(readSchemaLabels(ofMigrations)).toEqual({ history: ["0001", "0002"], readableFrom: "0001" });
    expect(readLabels(ofMigrations, 0)).toMatchObject({ commit, sequence: Number(time) });
    const again = await run();
    expect(again.buildStatus).toBe("SUCCEEDED");
    expect(again.output.filter((line) => line.endsWith("is there already."))).toHaveLength(2);
  });

  it("pushes nothing when a Dockerfile lacks a label of the schema", async () => {
    await builds.commit({ "Dockerfile.migrate": dockerfile('LABEL dev.spillway.schema.history="0001"') });
    const build = await run();
    expect(build.buildStatus).toBe("FAILED");
    expect(build.output.join("\n")).toContain("has no label dev.spillway.schema.readable-from. Add it");
    const { commit } = commitOf(build.output);
    for (const repositoryName of [repository, migrations]) {
      const imageIds = [{ imageTag: commit.slice(0, 12) }];
      const { images } = await ecr.send(new BatchGetImageCommand({ repositoryName, imageIds }));
      expect(images).toEqual([]);
    }
  });
});
