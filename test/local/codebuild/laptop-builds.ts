import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  BatchGetBuildsCommand,
  type Build,
  CodeBuildClient,
  CreateProjectCommand,
  type CreateProjectCommandInput,
  StartBuildCommand,
  type StartBuildCommandInput,
} from "@aws-sdk/client-codebuild";
import { createRealClock } from "../../../local/asl/real-clock.ts";
import { startLaptop } from "../../../local/laptop.ts";

const location = "https://example.com/web.git";

/** A build that has ended, with what its commands printed and what CodeBuild said. */
export type EndedBuild = Build & { readonly output: string[]; readonly notes: string[] };

/** A local AWS of its own with one project, `web`, whose source is a repository with the given files. */
export async function startBuilds(options: {
  readonly files?: Readonly<Record<string, string>>;
  readonly project?: Partial<CreateProjectCommandInput>;
  /** Instead of the machine's PATH. */
  readonly path?: string;
  readonly network?: Readonly<Record<string, string>>;
}) {
  const folder = await mkdtemp(join(tmpdir(), "builds-"));
  const repository = join(folder, "repository");
  const commit = async (files: Readonly<Record<string, string>>) => {
    await writeFiles(repository, files);
    const who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    const git = (...words: string[]) => promisify(execFile)("git", ["-C", repository, ...who, ...words]);
    await git("init", "--quiet");
    await git("add", "--all");
    await git("commit", "--quiet", "--allow-empty", "-m", "files");
  };
  await mkdir(repository);
  await commit(options.files ?? {});
  const watchers = new Set<() => void>();
  const laptop = await startLaptop({
    clock: createRealClock(),
    folder: join(folder, "state"),
    port: 0,
    sources: (wanted) => (wanted === location ? repository : undefined),
    path: options.path ?? process.env.PATH ?? "",
    network: options.network ?? {},
    onEvent: (event) => {
      if (event["detail-type"] === "CodeBuild Build State Change") for (const watch of watchers) watch();
    },
    onFault: (where, error) => console.error(where, error),
  });
  const settings = {
    region: laptop.aws.world.region,
    endpoint: laptop.url,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  };
  const client = new CodeBuildClient(settings);
  const logs = new CloudWatchLogsClient(settings);
  await client.send(
    new CreateProjectCommand({
      name: "web",
      source: { type: "GITHUB", location },
      artifacts: { type: "NO_ARTIFACTS" },
      environment: {
        type: "LINUX_CONTAINER",
        image: "aws/codebuild/standard:7.0",
        computeType: "BUILD_GENERAL1_SMALL",
      },
      serviceRole: "arn:aws:iam::000000000000:role/build",
      ...options.project,
    }),
  );

  /** Waits for the event that a build has ended. */
  const whenEnded = async (id: string): Promise<Build> => {
    for (;;) {
      const told = new Promise<void>((resolve) => watchers.add(resolve));
      const { builds } = await client.send(new BatchGetBuildsCommand({ ids: [id] }));
      if (builds?.[0]?.buildComplete === true) return builds[0];
      await told;
    }
  };

  return {
    laptop,
    folder,
    settings,
    client,
    commit,
    async build(buildspec: string, more: Partial<StartBuildCommandInput> = {}): Promise<EndedBuild> {
      const { build } = await client.send(
        new StartBuildCommand({ projectName: "web", buildspecOverride: buildspec, ...more }),
      );
      const ended = await whenEnded(build?.id ?? "");
      const { groupName: logGroupName, streamName: logStreamName } = ended.logs ?? {};
      const { events = [] } = await logs.send(
        new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true }),
      );
      const lines = events.map(({ message = "" }) => message);
      return {
        ...ended,
        output: lines.filter((line) => !line.startsWith("[Container]")),
        // Without "[Container] DATE TIME ".
        notes: lines
          .filter((line) => line.startsWith("[Container]"))
          .map((line) => line.split(" ").slice(3).join(" ")),
      };
    },
    async stop() {
      await laptop.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

/** A buildspec of phases with commands. */
export function spec(phases: Record<string, readonly string[]>, rest: Record<string, unknown> = {}): string {
  const entries = Object.entries(phases).map(([name, commands]) => [name, { commands }]);
  return JSON.stringify({ version: 0.2, phases: Object.fromEntries(entries), ...rest }, null, 2);
}
