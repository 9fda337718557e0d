import { connectAppRunner } from "../aws/apprunner.ts";
import type { Connection } from "../aws/connection.ts";
import { connectExecutions } from "../aws/states.ts";
import { releaseId } from "../core/admission.ts";
import { targetName } from "../core/names.ts";
import type { Release } from "../core/records.ts";
import { sleep } from "../local/asl/clock.ts";
import { connectAccount } from "./account-connection.ts";
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
  const release = await records.release(releaseId("web", digest, 1));
  if (release === undefined)
    throw new NoReleaseError(`The push of ${digest} made no release; look at the log lines above.`);
  return describeRelease(installation, release, {
    imagesMilliseconds: pushedAt - before,
    pushToEndMilliseconds: endedAt - pushedAt,
  });
}

/**
 * Releases the commit that this start found, unless an earlier one did: what is live is shown, what is on its way is
 * waited for, and what ended otherwise is released again, as a person's wish.
 * @throws NoReleaseError
 */
export async function releaseHead(
  installation: Installation,
  commit: Commit,
  told: (line: string) => void,
): Promise<Report> {
  const { clock, records, connection, made } = installation;
  const tag = commit.id.slice(0, 7);
  const release = await latestRelease(installation, tag);
  if (release === undefined) return releaseCommit(installation, commit);
  const from = clock.now();
  const timings = () => ({ imagesMilliseconds: 0, pushToEndMilliseconds: clock.now() - from });
  if (release.endedAt === undefined) {
    told(`${release.id} of an earlier start is still on its way; waiting for it`);
    return describeRelease(installation, await untilClosed(installation, release), timings());
  }
  if (release.outcome === "Released") {
    const newer = await liveInstead(installation, release);
    told(
      newer === undefined
        ? `commit ${tag} is live already; nothing to release. Commit something, or begin anew with --fresh`
        : `commit ${tag} was released before, and ${newer} after it; nothing to release. Commit something, or begin anew with --fresh`,
    );
    return describeRelease(installation, release, timings());
  }
  told(`commit ${tag} ended ${release.outcome} before; releasing it again`);
  const name = `again-${release.attempt + 1}-${tag}-${clock.now()}`;
  await connectExecutions(connection).start(made.machines.ReleaseMachine ?? "", name, {
    service: "web",
    tag,
  });
  const executionArn = `${made.machines.ReleaseMachine?.replace(":stateMachine:", ":execution:")}:${name}`;
  await installation.laptop.aws.stepFunctions.executionEnd(executionArn);
  const again = await records.release(releaseId("web", release.image?.digest ?? "", release.attempt + 1));
  if (again === undefined)
    throw new NoReleaseError(`${executionArn} opened no release; look at its history.`);
  return describeRelease(installation, again, timings());
}

/** The newest attempt to release the image that was pushed under this tag. */
async function latestRelease({ laptop, records }: Installation, tag: string): Promise<Release | undefined> {
  const digest = laptop.aws.images.find("web", tag)?.digest;
  if (digest === undefined) return undefined;
  let latest: Release | undefined;
  for (let attempt = 1; ; attempt++) {
    const release = await records.release(releaseId("web", digest, attempt));
    if (release === undefined) return latest;
    latest = release;
  }
}

/** What is live instead of a release where it was released to; undefined if nothing is. */
async function liveInstead({ records }: Installation, { id }: Release): Promise<string | undefined> {
  for (const { environment } of await records.deployments(id)) {
    const live = (await records.environment("web", environment)).live?.release;
    if (live !== id) return live ?? "nothing";
  }
  return undefined;
}

/** How long a release's record may stay open after its execution: twice what `Reconcile` takes to close it. */
const LONGEST_OPEN_MILLISECONDS = 150_000;

async function untilClosed({ clock, laptop, records }: Installation, release: Release): Promise<Release> {
  await laptop.aws.stepFunctions.executionEnd(release.executionArn);
  for (const from = clock.now(); clock.now() - from < LONGEST_OPEN_MILLISECONDS; await sleep(clock, 1000)) {
    const found = await records.requireRelease(release.id);
    if (found.endedAt !== undefined) return found;
  }
  return records.requireRelease(release.id);
}

async function describeRelease(
  installation: Installation,
  release: Release,
  timings: { readonly imagesMilliseconds: number; readonly pushToEndMilliseconds: number },
): Promise<Report> {
  const { records, readyMilliseconds } = installation;
  return reportOf(release, await records.deployments(release.id), await readEnvironments(installation), {
    readyMilliseconds,
    ...timings,
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

/** The environments that releases go to by themselves, and those where something is live all the same. */
async function readEnvironments(installation: Installation) {
  const { config, prefix, records } = installation;
  const { environments: all = {}, waves = [] } = config.services.web ?? {};
  const environments = new Map();
  for (const name of Object.keys(all)) {
    const record = await records.environment("web", name);
    if (record.live === undefined && !waves.flat().includes(name)) continue;
    const { url } = await connectAppRunner(await connectionTo(installation, name)).describe(
      all[name]?.target.name ?? targetName(prefix, "web", name),
    );
    environments.set(name, { record, url });
  }
  return environments;
}

/** The connection to the account where an environment runs. */
async function connectionTo(
  { config, connection, records }: Installation,
  environment: string,
): Promise<Connection> {
  const { account } = config.services.web?.environments[environment] ?? {};
  const { members = {} } = (await records.installation()).resources;
  return connectAccount(connection, account && members[account.id]?.access);
}
