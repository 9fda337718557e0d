import { readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { CreateProjectCommand, InvalidInputException } from "@aws-sdk/client-codebuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EndedBuild, spec, startBuilds } from "./laptop-builds.ts";

let builds: Awaited<ReturnType<typeof startBuilds>>;
beforeAll(async () => {
  builds = await startBuilds({
    files: { "read.me": "x" },
    project: {
      artifacts: { type: "S3", location: "evidence", path: "web", namespaceType: "BUILD_ID", name: "kept" },
      secondaryArtifacts: [{ type: "S3", location: "evidence", name: "scans", artifactIdentifier: "scan" }],
    },
  });
  await symlink("/etc", join(builds.folder, "repository/elsewhere"));
  await builds.commit({});
});
afterAll(() => builds.stop());

/** What a bucket holds beneath a location of artifacts. */
function held(location = ""): Promise<string[]> {
  const folder = join(builds.folder, "state/buckets", location.replace("arn:aws:s3:::", ""));
  return readdir(folder, { recursive: true });
}
const phaseOf = ({ phases }: EndedBuild, type: string) => phases?.find(({ phaseType }) => phaseType === type);

describe("artifacts", () => {
  it("are found where the build's record says, primary and secondary, also of a build that failed", async () => {
    const build = await builds.build(
      spec(
        {
          build: [
            "mkdir -p out/deep; echo sbom > out/deep/sbom.json; echo no > out/no.tmp; echo sarif > scan.sarif; false",
          ],
        },
        {
          artifacts: {
            "base-directory": "out",
            files: ["**/*"],
            "exclude-paths": ["**/*.tmp"],
            "secondary-artifacts": { scan: { files: ["*.sarif"] } },
          },
        },
      ),
    );
    expect(build.buildStatus).toBe("FAILED");
    const uuid = build.id?.split(":")[1];
    expect(build.artifacts).toEqual({ location: `arn:aws:s3:::evidence/web/${uuid}/kept` });
    expect(build.secondaryArtifacts).toEqual([
      { artifactIdentifier: "scan", location: "arn:aws:s3:::evidence/scans" },
    ]);
    expect((await held(build.artifacts?.location)).toSorted()).toEqual(["deep", "deep/sbom.json"]);
    expect(await held(build.secondaryArtifacts?.[0]?.location)).toEqual(["scan.sarif"]);
    const path = join(builds.folder, "state/buckets/evidence/web", uuid ?? "", "kept/deep/sbom.json");
    expect(await readFile(path, "utf8")).toBe("sbom\n");
  });

  it.each([
    ["no matching artifact paths found", { files: ["*.json", "../../**/*", "elsewhere/*"] }],
    ["no matching base directory path found", { files: ["**/*"], "base-directory": "elsewhere" }],
    ["no matching base directory path found", { files: ["**/*"], "base-directory": "no/such" }],
  ])(
    "that are not there, or outside of the source, fail UPLOAD_ARTIFACTS: %s",
    async (message, artifacts) => {
      const build = await builds.build(spec({ build: ["true"] }, { artifacts }));
      expect(build.buildStatus).toBe("FAILED");
      expect(phaseOf(build, "UPLOAD_ARTIFACTS")).toMatchObject({
        phaseStatus: "FAILED",
        contexts: [{ statusCode: "CLIENT_ERROR", message }],
      });
      expect(build.artifacts?.location).toBe("");
    },
  );

  it("are not kept for a project without", async () => {
    const build = await builds.build(spec({ build: ["true"] }, { artifacts: { files: ["read.me"] } }), {
      artifactsOverride: { type: "NO_ARTIFACTS" },
    });
    expect([build.buildStatus, build.artifacts?.location]).toEqual(["SUCCEEDED", ""]);
    expect(build.notes).toContainEqual("The project has no place for artifacts; they are not kept");
  });

  it.each([
    [{ type: "S3" as const }, /name of a bucket/],
    [{ type: "S3" as const, location: "evidence", path: "../.." }, /must not contain/],
    [{ type: "S3" as const, location: "evidence", packaging: "ZIP" as const }, /use packaging NONE/],
  ])("of a kind that cannot be kept are refused when the project is made", async (artifacts, words) => {
    const made = builds.client.send(
      new CreateProjectCommand({
        name: "other",
        source: { type: "NO_SOURCE", buildspec: "a\nb" },
        artifacts,
        environment: { type: "LINUX_CONTAINER", image: "x", computeType: "BUILD_GENERAL1_SMALL" },
        serviceRole: "arn:aws:iam::000000000000:role/build",
      }),
    );
    await expect(made).rejects.toBeInstanceOf(InvalidInputException);
    await expect(made).rejects.toThrow(words);
  });
});
