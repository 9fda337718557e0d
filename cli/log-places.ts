import { styleText } from "node:util";
import type { LogLine } from "../aws/log-reader.ts";
import { type MigrationPurpose, migrationContainer } from "../core/names.ts";
import type { Access, Deployment, Evidence, Release } from "../core/records.ts";
import { accessOf, type Wait } from "../core/wait.ts";
import { shown } from "./lines.ts";

/** Something that ran for a release and left a log. */
export interface LogPlace {
  /** What a person types: `unit-tests`, `end-to-end`, `migration`, `service`. */
  readonly name: string;
  readonly environment: string | undefined;
  /** How it went, in a word or two. */
  readonly state: string;
  readonly group: string;
  /** The way into the account where it is, if that is not the installation's own. */
  readonly access?: Access | undefined;
  /** One stream, or every stream that begins with this. */
  readonly stream: string | { readonly prefix: string };
}

/** The log places of a release's own builds, and of those that verified its deployments. */
export function placesOfBuilds(release: Release, deployments: readonly Deployment[]): LogPlace[] {
  return [
    ...Object.values(release.evidence).flatMap((evidence) => placeOf(evidence, undefined)),
    ...deployments.flatMap(({ environment, verification = {} }) =>
      Object.values(verification).flatMap((evidence) => placeOf(evidence, environment)),
    ),
  ];
}

function placeOf({ build, passed, log, reusedFrom }: Evidence, environment: string | undefined): LogPlace[] {
  if (log === undefined) return [];
  const state = `${passed ? "passed" : "failed"}${reusedFrom === undefined ? "" : ` for ${reusedFrom}`}`;
  return [{ name: build, environment, state, group: log.group, stream: log.stream }];
}

/** Where the task of a migration, or of what comes before and after it, printed. */
export function placeOfMigration(
  { awaitedArn, subject, result }: Wait,
  environment: string,
  purpose: MigrationPurpose,
): LogPlace[] {
  const { family, logGroup } = subject;
  const task = awaitedArn?.split("/").at(-1);
  if (task === undefined || family === undefined || logGroup === undefined) return [];
  const state = `${purpose} ${result?.end ?? "running"}`;
  const stream = `${family}/${migrationContainer}/${task}`;
  return [{ name: "migration", environment, state, group: logGroup, stream, access: accessOf(subject) }];
}

/** The last deployment to each environment: what the environment's service printed is one log, however many there were. */
export function latestDeployments<Of extends Pick<Deployment, "environment" | "attempt">>(
  deployments: readonly Of[],
): Of[] {
  const latest = new Map<string, Of>();
  for (const deployment of deployments)
    if (deployment.attempt >= (latest.get(deployment.environment)?.attempt ?? 0))
      latest.set(deployment.environment, deployment);
  return [...latest.values()];
}

/**
 * The places that a person means by a name: exactly that one, else those of a stage with a matrix; in one environment
 * or, if none is said, in all.
 */
export function choosePlaces(
  places: readonly LogPlace[],
  name: string,
  environment: string | undefined,
): LogPlace[] {
  const there = places.filter((place) => environment === undefined || place.environment === environment);
  const exact = there.filter((place) => place.name === name);
  return exact.length > 0 ? exact : there.filter((place) => place.name.startsWith(`${name}[`));
}

/** A line for each place: what to type, and how it went. */
export function renderPlaces(release: string, places: readonly LogPlace[]): string {
  if (places.length === 0) return `Nothing has run for ${release} yet, or its logs have expired.`;
  const words = ({ name, environment }: LogPlace) => {
    // Some shells take brackets for a pattern of file names.
    const word = /^[\w-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
    return environment === undefined ? word : `${word} --environment ${environment}`;
  };
  const width = Math.max(...places.map((place) => words(place).length));
  return places
    .map((place) => shown(`  npm run logs -- ${release} ${words(place).padEnd(width)}  ${place.state}`))
    .join("\n");
}

/** A line of a log as a terminal may show it: terminals are shared and recorded, so what looks like a secret goes. */
export function renderLine({ at, text }: LogLine): string {
  return `${styleText("dim", new Date(at).toISOString())} ${shown(text.replaceAll("\n", " "))}`;
}
