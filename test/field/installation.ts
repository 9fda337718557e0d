import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Connection } from "../../aws/connection.ts";
import { registryCredentials } from "../../aws/ecr.ts";
import { type Config, parseConfig } from "../../core/config.ts";
import { describeApplication } from "../../infra/application.ts";
import { buildFunctions } from "../../infra/build.ts";
import { createRealClock } from "../../local/asl/real-clock.ts";
import type { BuildJob, BuildProgress, BuildRunner } from "../../local/codebuild/runner.ts";
import { buildImage } from "../../local/images/build.ts";
import type { BuiltImage } from "../../local/images/manifest.ts";
import { pushImage } from "../../local/images/push.ts";
import { type Laptop, startLaptop } from "../../local/laptop.ts";
import { type Provisioned, provision } from "../../local/provision.ts";
import type { ServiceEvent } from "../../local/world.ts";

const root = resolve(import.meta.dirname, "../..");
const prefix = "spillway";

const config: Config = parseConfig({
  services: {
    web: {
      image: { repository: "web" },
      migration: { repository: "web-migrate" },
      source: { location: "https://github.com/example/web.git" },
      stages: { "unit-tests": { buildspec: "buildspec.yml" } },
      tracks: [["unit-tests"]],
      environments: {
        production: {
          target: { kind: "apprunner", healthCheck: { intervalSeconds: 1 } },
          database: { secret: "web/production/database" },
          health: { path: "/", intervalSeconds: 1, consecutiveSuccesses: 1, commitMember: "commit" },
        },
      },
      waves: [["production"]],
    },
  },
});

/** Spillway in a local AWS under the real clock: real functions, services and tasks, and builds that only say so. */
export interface FieldInstallation {
  readonly laptop: Laptop;
  readonly url: string;
  readonly folder: string;
  readonly made: Provisioned;
  /** What a tool needs in its environment to speak to it, and nothing else of this machine's. */
  readonly environment: Readonly<Record<string, string>>;
  /** Builds both images of a commit and pushes the migration's. @returns the application's, not yet pushed. */
  prepare(commit: string): Promise<BuiltImage>;
  push(image: BuiltImage, tag: string): Promise<void>;
  /** Resolves with the event of the end of an execution of the release machine that `is` is true of. */
  ended(is: (detail: ServiceEvent["detail"]) => boolean): Promise<ServiceEvent["detail"]>;
  stop(): Promise<void>;
}

/** A build that takes no time: it prints a line and succeeds. */
const builds: BuildRunner = {
  async run(job: BuildJob, progress: BuildProgress) {
    progress.enter("BUILD");
    progress.line(`checked ${job.variables.SPILLWAY_STAGE}`);
    return { status: "SUCCEEDED", exportedVariables: [] };
  },
};

/** Starts one on a free port. */
export async function startField(): Promise<FieldInstallation> {
  const clock = createRealClock();
  const folder = await mkdtemp(join(tmpdir(), "spillway-field-"));
  const application = describeApplication(config, prefix);
  const path = [dirname(process.execPath), process.env.PATH ?? ""].join(":");
  const seen: ServiceEvent["detail"][] = [];
  const watchers = new Set<() => void>();
  const laptop = await startLaptop({
    clock,
    folder,
    port: 0,
    path,
    network: {},
    sources: () => undefined,
    builds: () => builds,
    onEvent: ({ "detail-type": type, detail }) => {
      if (type !== "Step Functions Execution Status Change" || detail.status === "RUNNING") return;
      seen.push(detail);
      for (const watch of watchers) watch();
    },
    onFault: (where, error) => console.error("local AWS:", where, error),
  });
  const bundles = await buildFunctions(
    root,
    application.functions.map(({ file }) => file),
    join(folder, "functions"),
  );
  const made = await provision(laptop.aws, {
    application,
    config,
    prefix,
    root,
    bundles,
    secrets: { "web/production/database": "postgres://nobody.example/web" },
  });
  laptop.prewarm();
  const connection: Connection = {
    now: clock.now,
    fetch,
    client: {
      endpoint: laptop.url,
      region: laptop.aws.world.region,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    },
  };
  let sequence = 0;

  const build = (dockerfile: string, commit: string) =>
    buildImage({
      contextFolder: join(import.meta.dirname, "images"),
      dockerfile,
      buildArguments: { COMMIT: commit, SEQUENCE: String(sequence) },
      createdAtSeconds: 1_700_000_000,
      folder: join(folder, "image-builds"),
      environment: { PATH: path },
      clock,
    });

  async function pushTo(repository: string, image: BuiltImage, tag: string): Promise<void> {
    const credentials = await registryCredentials(connection);
    await pushImage(clock, image, { registry: laptop.url, repository, tag, credentials });
  }

  return {
    laptop,
    url: laptop.url,
    folder,
    made,
    environment: {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      AWS_ENDPOINT_URL: laptop.url,
      AWS_REGION: "us-east-1",
      AWS_DEFAULT_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_PAGER: "",
    },
    async prepare(commit) {
      sequence++;
      await pushTo("web-migrate", await build("Dockerfile.migrate", commit), commit);
      return build("Dockerfile", commit);
    },
    push: (image, tag) => pushTo("web", image, tag),
    ended: (is) =>
      new Promise((resolve) => {
        const look = () => {
          const found = seen.find(
            (detail) => detail.stateMachineArn === made.machines.ReleaseMachine && is(detail),
          );
          if (found === undefined) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      }),
    async stop() {
      await laptop.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
