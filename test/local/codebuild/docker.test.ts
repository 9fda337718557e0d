import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { BatchGetImageCommand, CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spec, startBuilds } from "./laptop-builds.ts";

const registry = "000000000000.dkr.ecr.us-east-1.amazonaws.com";
const image = `${registry}/web`;
const login = `aws ecr get-login-password --region us-east-1 | docker login --username AWS --password-stdin ${registry}`;

const files = {
  "app/package.json": "{}",
  "app/src/main.js": "console.log('hello')",
  "app/Dockerfile": `FROM node:24 AS dependencies
WORKDIR /app
COPY package.json ./
RUN node -e "require('fs').writeFileSync('installed', JSON.stringify(process.env))"
FROM node:24
WORKDIR /app
COPY --from=dependencies /app/installed ./
COPY src src
ARG COMMIT
LABEL org.opencontainers.image.revision="$COMMIT"
ENTRYPOINT ["node", "src/main.js"]
`,
};

let builds: Awaited<ReturnType<typeof startBuilds>>;
let ecr: ECRClient;
beforeAll(async () => {
  builds = await startBuilds({
    files,
    project: {
      cache: { type: "LOCAL", modes: ["LOCAL_DOCKER_LAYER_CACHE"] },
      environment: {
        type: "LINUX_CONTAINER",
        image: "aws/codebuild/standard:7.0",
        computeType: "BUILD_GENERAL1_SMALL",
        privilegedMode: true,
        environmentVariables: [{ name: "SPILLWAY_IMAGE_BUILDER", value: "own" }],
      },
    },
    // Neither Docker nor the AWS CLI is there on most machines.
    path: "/usr/bin:/bin",
  });
  ecr = new ECRClient(builds.settings);
  await ecr.send(new CreateRepositoryCommand({ repositoryName: "web" }));
});
afterAll(() => builds.stop());

const run = (...commands: string[]) => builds.build(spec({ build: commands }));

async function manifestOf(imageTag: string): Promise<string> {
  const { images } = await ecr.send(
    new BatchGetImageCommand({ repositoryName: "web", imageIds: [{ imageTag }] }),
  );
  return images?.[0]?.imageManifest ?? "";
}

describe("docker in a build, by our own builder", () => {
  it("logs in, builds, tags and pushes to the local registry under ECR's own name", async () => {
    const build = await run(
      login,
      `docker build --tag ${image}:one -f app/Dockerfile --build-arg COMMIT=3f2a91c --label team=web --platform linux/amd64 --provenance=false app`,
      `docker tag ${image}:one ${image}:two`,
      `docker push ${image}:two`,
      `docker inspect --format '{{index .RepoDigests 0}} {{json .Config.Labels.team}}' ${image}:two`,
      "docker images --digests",
    );
    expect(build.output).toContain("Login Succeeded");
    expect(build.output).toContain("built by Spillway's own builder: base images are not included");
    expect(build.buildStatus).toBe("SUCCEEDED");
    const manifest = await manifestOf("two");
    const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
    expect(build.output).toContain(`two: digest: ${digest} size: ${manifest.length}`);
    expect(build.output).toContain(`${image}@${digest} "web"`);
    expect(build.output.filter((line) => line.includes(digest) && line.includes("MB"))).toHaveLength(2);
    expect(await manifestOf("one")).toBe("");
  });

  it("takes unchanged steps from the project's layers, in another build too", async () => {
    const make = `docker build --tag ${image}:cached app`;
    await run(make);
    const same = await run(make);
    expect(same.output.filter((line) => line.includes("CACHED")).map((line) => line.split(" ")[2])).toEqual([
      "COPY",
      "RUN",
      "COPY",
      "COPY",
    ]);
    const changed = await run("echo '// changed' >> app/src/main.js", make);
    expect(changed.output).toContainEqual(expect.stringContaining("CACHED RUN"));
    expect(changed.output).toContainEqual(expect.stringMatching(/: COPY src src$/));
    const asked = await run(make.replace("build", "build --no-cache"));
    expect(asked.output).not.toContainEqual(expect.stringContaining("CACHED"));
  });

  it("gives RUN nothing of the build's variables", async () => {
    const build = await builds.build(
      spec({
        build: [
          `docker build --no-cache --target dependencies --tag web:look app | tee log`,
          `docker inspect web:look --format '{{.Id}}'`,
          "zcat $SPILLWAY_IMAGES/cache/layers/*.gz > layers; grep -ac PATH layers; grep -ac planted layers || true",
        ],
      }),
      { environmentVariablesOverride: [{ name: "PLANTED", value: "planted-value" }] },
    );
    expect(build.output).toContainEqual(expect.stringMatching(/^sha256:[0-9a-f]{64}$/));
    expect(Number(build.output.at(-2))).toBeGreaterThan(0);
    expect(build.output.at(-1)).toBe("0");
  });

  it("refuses by name what it cannot do, and says what would work", async () => {
    const refused: Readonly<Record<string, string>> = {
      [`docker push ${image}:nothing`]: "An image does not exist locally with the tag",
      [`HOME=/nowhere docker push ${image}:one`]: "no basic auth credentials; run aws ecr",
      "docker run web": "run needs Docker with a running engine, which this machine does not have",
      "docker build --ssh default app": "Unknown option '--ssh'. Spillway's own builder knows --tag",
      "docker build --platform linux/amd64,linux/arm64 app": "one platform at a time",
      "docker build https://example.com/web.git": "a folder for its context",
      "docker build no-such-folder": 'path "no-such-folder" not found',
      "docker build -t UPPER app": "invalid reference format",
      "docker build --quiet --target nobody app": "has no stage nobody",
      "docker login -u AWS -p x docker.io": "only ACCOUNT.dkr.ecr.REGION.amazonaws.com is served here",
      [`docker login -u AWS -p wrong ${registry}`]: "login attempt failed with status: 401",
      "docker push docker.io/web:one": "only ACCOUNT.dkr.ecr.REGION.amazonaws.com is served here",
      "docker inspect --format '{{range .X}}' docker.io/web:one": "no template that is known here",
      "SPILLWAY_IMAGE_BUILDER=podman docker build app": 'asks for "podman"',
    };
    const commands = Object.keys(refused);
    const build = await run(
      `docker build -q -t ${image}:one -t docker.io/web:one app`,
      commands.map((command) => `${command}; echo "status $?"`).join("\n"),
    );
    const answers = build.output.slice(1);
    expect(answers.filter((_, index) => index % 2 === 1)).toEqual(commands.map(() => "status 1"));
    for (const [index, words] of Object.values(refused).entries())
      expect(answers[2 * index]).toContain(words);
  });
});

/** An archive as `docker save` writes it: an image in the OCI layout. */
async function writeArchive(path: string): Promise<string> {
  const blobs: Record<string, Buffer> = {};
  const add = (bytes: Buffer, mediaType: string) => {
    const digest = createHash("sha256").update(bytes).digest("hex");
    blobs[`blobs/sha256/${digest}`] = bytes;
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const layer = add(Buffer.alloc(1024), "application/vnd.oci.image.layer.v1.tar");
  const config = add(
    json({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [layer.digest] } }),
    "application/vnd.oci.image.config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = add(json({ schemaVersion: 2, mediaType, config, layers: [layer] }), mediaType);
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  for (const [name, bytes] of Object.entries(blobs)) archive.entry({ name }, bytes);
  archive.entry({ name: "index.json" }, json({ schemaVersion: 2, manifests: [manifest] }));
  archive.finalize();
  await written;
  return manifest.digest;
}

describe("docker in a build, on a machine with Docker", () => {
  it("is that Docker, but ECR's login and push go to the local registry", async () => {
    const machine = join(builds.folder, "machine");
    await mkdir(machine, { recursive: true });
    const digest = await writeArchive(join(machine, "saved.tar"));
    // Stands for Docker with an engine, which says what it is asked for.
    await writeFile(
      join(machine, "docker"),
      `#!/bin/sh
case "$1" in
  version) echo 28.2.2 ;;
  save) cp ${machine}/saved.tar "$3" ;;
  *) echo "docker itself: $*" ;;
esac
`,
    );
    await chmod(join(machine, "docker"), 0o755);
    const build = await builds.build(
      spec({
        build: [
          `export PATH="\${PATH%%:/usr/bin*}:${machine}:/usr/bin:/bin"`,
          login,
          `docker build --ssh default -t ${image}:engine app`,
          `docker push ${image}:engine`,
          "docker run web",
          `docker pull ${image}:engine`,
        ],
      }),
      { environmentVariablesOverride: [{ name: "SPILLWAY_IMAGE_BUILDER", value: "docker" }] },
    );
    expect(build.output).toContain("Login Succeeded");
    expect(build.output).toContain("built by docker 28.2.2");
    expect(build.output).toContain(`docker itself: build --ssh default -t ${image}:engine app`);
    expect(build.output).toContainEqual(expect.stringContaining(`engine: digest: ${digest}`));
    expect(build.output).toContain("docker itself: run web");
    // Only a real AWS could answer that, and it is not to be asked.
    expect(build.output.at(-1)).toContain("would ask AWS itself");
    expect(await manifestOf("engine")).toContain("oci.image.manifest");
  });
});

/** Whether buildah is here and can build at all: it needs rights that a sandbox may not give. */
function canBuildah(): boolean {
  try {
    execFileSync("/usr/bin/buildah", ["from", "--name", "spillway-probe", "scratch"], { stdio: "ignore" });
    execFileSync("/usr/bin/buildah", ["rm", "spillway-probe"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("docker in a build, on a machine with buildah", () => {
  it.skipIf(!canBuildah())("builds with it and pushes to the local registry", async () => {
    const build = await builds.build(
      spec({
        build: [
          login,
          "mkdir scratch; echo hello > scratch/file; printf 'FROM scratch\\nCOPY file /file\\n' > scratch/Dockerfile",
          `docker build --tag ${image}:buildah --label team=web scratch`,
          `docker push ${image}:buildah`,
        ],
      }),
      { environmentVariablesOverride: [{ name: "SPILLWAY_IMAGE_BUILDER", value: "buildah" }] },
    );
    expect(build.output).toContainEqual(expect.stringMatching(/^built by buildah \d/));
    expect([build.buildStatus, build.output.at(-1)]).toEqual([
      "SUCCEEDED",
      expect.stringMatching(/^buildah: digest: sha256:/),
    ]);
    expect(await manifestOf("buildah")).toContain("oci.image.manifest");
  });
});
