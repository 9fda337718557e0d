import type { Records } from "../aws/dynamodb.ts";
import type { EnvironmentRecord, Quarantine, Release } from "../core/records.ts";
import { line, moment, section, shown } from "./lines.ts";

/** What is true of a service now, as its records tell. */
export interface ServiceStatus {
  readonly service: string;
  readonly environments: readonly EnvironmentRecord[];
  /** Digests that are not deployed without a person's word. */
  readonly quarantined: readonly Quarantine[];
  /** Releases that have not ended. */
  readonly open: readonly Pick<
    Release,
    "id" | "trigger" | "commit" | "openedAt" | "cancelled" | "executionArn"
  >[];
}

/** There is no such service or environment. */
export class UnknownPlaceError extends Error {
  override readonly name = "UnknownPlaceError";
}

/**
 * Reads the status of every service, or of one, or of one environment of it.
 * @throws UnknownPlaceError naming those there are.
 */
export async function readStatus(
  records: Records,
  wanted: { readonly service?: string | undefined; readonly environment?: string | undefined },
): Promise<ServiceStatus[]> {
  const { services } = (await records.installation()).config;
  const names = choose("service", Object.keys(services), wanted.service);
  const open = await records.openReleases();
  return Promise.all(
    names.map(async (service) => {
      const places = Object.keys(services[service]?.environments ?? {});
      const chosen = choose("environment", places, wanted.environment);
      return {
        service,
        environments: await Promise.all(chosen.map((name) => records.environment(service, name))),
        quarantined: (await records.quarantines(service)).filter(({ lifted }) => lifted === undefined),
        open: open
          .filter((release) => release.service === service)
          .map(({ id, trigger, commit, openedAt, cancelled, executionArn }) => ({
            ...{ id, trigger, commit, openedAt, cancelled, executionArn },
          })),
      };
    }),
  );
}

function choose(kind: string, names: readonly string[], wanted: string | undefined): readonly string[] {
  if (wanted === undefined) return names;
  if (names.includes(wanted)) return [wanted];
  throw new UnknownPlaceError(`There is no ${kind} ${wanted}; there are ${names.join(", ")}.`);
}

/** The status as a person reads it: for each environment what is live, and all that keeps it from changing. */
export function renderStatus(statuses: readonly ServiceStatus[]): string {
  return statuses.flatMap(renderService).join("\n");
}

function renderService({ service, environments, quarantined, open }: ServiceStatus): string[] {
  return [
    ...environments.flatMap((environment) => [
      `${service} ${environment.environment}`,
      ...renderEnvironment(environment),
    ]),
    ...section(`${service}: open releases`, open.map(renderOpen)),
    ...section(
      `${service}: in quarantine`,
      quarantined.map(
        ({ digest, release, since, reason }) => `${digest} (${release}) since ${moment(since)}: ${reason}`,
      ),
    ),
  ];
}

function renderOpen({ id, trigger, commit, openedAt, cancelled }: ServiceStatus["open"][number]): string {
  const ending = cancelled === undefined ? "" : `; cancelled by ${cancelled.by}: ${shown(cancelled.reason)}`;
  return `${id} by ${trigger}${ofCommit(commit)}, since ${moment(openedAt)}${ending}`;
}

/** What is cut may end within what a quote would have ended: all that comes behind it is made fit to be shown before. */
function ofCommit(commit: string | undefined): string {
  return commit === undefined ? "" : `, commit ${shown(commit).slice(0, 12)}`;
}

function renderEnvironment(environment: EnvironmentRecord): string[] {
  const { live, lease, next, ahead, freed, frozen, stopped, hold, drift, images, tasks } = environment;
  return [
    ...line("live", renderLive(environment)),
    ...line("drift", drift?.release === live?.release && drift && renderDrift(drift)),
    ...(images ?? []).flatMap((image) => line("image", image)),
    ...(tasks ?? []).flatMap((task) => line("task", task)),
    ...line("lease", lease && `${lease.reason}, since ${moment(lease.since)} (${lease.owner})`),
    ...line("ahead", ahead && `${ahead.reason}, waits for the lease since ${moment(ahead.since)}`),
    ...line("next", next && `${next.release}, since ${moment(next.since)}; ${next.why ?? "it goes now"}`),
    ...line("frozen", frozen && `since ${moment(frozen.since)}: ${frozen.reason}`),
    ...line("stopped", stopped && `since ${moment(stopped.since)} by ${stopped.by}: ${stopped.reason}`),
    ...line("hold", hold && `since ${moment(hold.since)}, when ${hold.reason}`),
    ...line("freed", lease === undefined && freed !== undefined && `${moment(freed.at)}: ${freed.reason}`),
  ];
}

function renderDrift({ since, changedAt, differences }: NonNullable<EnvironmentRecord["drift"]>): string {
  const changed = changedAt === undefined ? "" : `, changed ${moment(changedAt)}`;
  return `seen ${moment(since)}${changed}: ${differences.join("; ")}`;
}

function renderLive({ live }: EnvironmentRecord): string {
  if (live === undefined) return "nothing";
  const { release, commit, schema, since } = live;
  const on = schema === undefined ? "" : `, schema ${shown(schema ?? "empty")}`;
  return `${release}${ofCommit(commit)}${on}, since ${moment(since)}`;
}
