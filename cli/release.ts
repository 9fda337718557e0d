import { connectAppRunner } from "../aws/apprunner.ts";
import { targetName } from "../core/names.ts";
import { type Commit, releaseImages } from "./example.ts";
import type { Installation } from "./installation.ts";
import { type Report, reportOf } from "./report.ts";

/** The push of images was not followed by a release. */
export class NoReleaseError extends Error {
  override readonly name = "NoReleaseError";
}

/**
 * Pushes a commit's images; the push starts the release, and its end is awaited.
 * @param onPushed told when the images are in the registry.
 * @throws NoReleaseError
 */
export async function releaseCommit(
  installation: Installation,
  commit: Commit,
  onPushed: () => void = () => {},
): Promise<Report> {
  const { clock, source, laptop, folder, network, records, connection } = installation;
  const ends = watchEnds(installation);
  const before = clock.now();
  const { digest } = await releaseImages(clock, source, commit, {
    registry: laptop.url,
    connection,
    folder,
    network,
    onLine: () => {},
  });
  const pushedAt = clock.now();
  onPushed();
  await ends.of(digest);
  const endedAt = clock.now();
  const release = await records.release(`web-${digest.replace("sha256:", "").slice(0, 12)}-1`);
  if (release === undefined)
    throw new NoReleaseError(`The push of ${digest} made no release; look at the log lines above.`);
  return reportOf(release, await records.deployments(release.id), await readEnvironments(installation), {
    readyMilliseconds: installation.readyMilliseconds,
    imagesMilliseconds: pushedAt - before,
    pushToEndMilliseconds: endedAt - pushedAt,
  });
}

/** Watches from now on for releases that end; the push may be told before its digest is known here. */
function watchEnds({ watch, made }: Installation) {
  const inputs: string[] = [];
  let look = () => {};
  const unwatch = watch(({ "detail-type": type, detail }) => {
    const isOver =
      type === "Step Functions Execution Status Change" &&
      detail.stateMachineArn === made.machines.ReleaseMachine &&
      detail.status !== "RUNNING";
    if (!isOver) return;
    inputs.push(String(detail.input));
    look();
  });
  return {
    /** Resolves when the release that the push of this digest started has ended. */
    of: (digest: string) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (!inputs.some((input) => input.includes(digest))) return;
          unwatch();
          resolve();
        };
        look();
      }),
  };
}

async function readEnvironments({ config, connection, prefix, records }: Installation) {
  const environments = new Map();
  for (const name of Object.keys(config.services.web?.environments ?? {})) {
    const { url } = await connectAppRunner(connection).describe(targetName(prefix, "web", name));
    environments.set(name, { record: await records.environment("web", name), url });
  }
  return environments;
}
