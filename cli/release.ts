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
 * @throws NoReleaseError
 */
export async function releaseCommit(installation: Installation, commit: Commit): Promise<Report> {
  const { clock, source, laptop, folder, network, records } = installation;
  const ended = awaitEnd(installation);
  const before = clock.now();
  const { digest } = await releaseImages(clock, source, commit, {
    registry: laptop.url,
    folder,
    network,
    onLine: () => {},
  });
  const pushedAt = clock.now();
  await ended;
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

/** Resolves when the next execution of the release machine has ended. */
function awaitEnd({ watch, made }: Installation): Promise<void> {
  return new Promise((resolve) => {
    const unwatch = watch(({ "detail-type": type, detail }) => {
      const isOver =
        type === "Step Functions Execution Status Change" &&
        detail.stateMachineArn === made.machines.ReleaseMachine &&
        detail.status !== "RUNNING";
      if (!isOver) return;
      unwatch();
      resolve();
    });
  });
}

async function readEnvironments({ config, connection, prefix, records }: Installation) {
  const environments = new Map();
  for (const name of Object.keys(config.services.web?.environments ?? {})) {
    const { url } = await connectAppRunner(connection).describe(targetName(prefix, "web", name));
    environments.set(name, { record: await records.environment("web", name), url });
  }
  return environments;
}
