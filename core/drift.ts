import * as z from "zod/mini";
import { functionTimeoutSeconds } from "./lease.ts";
import type { EnvironmentRecord, Release, Revision } from "./records.ts";
import { runtimeSettings } from "./settings.ts";
import { shapeMembers, shapeOf, type TargetFound, type TargetShape } from "./target.ts";

/** What runs in an environment is not what is on record as live there, as it was last seen. */
export const Drift = z.object({
  /** When it was first seen so. */
  since: z.number(),
  /** When the platform says that the target was last changed. */
  changedAt: z.optional(z.number()),
  /** What is on record as live. */
  release: z.string(),
  /** Each thing that is otherwise, in words: what is found, and what is on record. */
  differences: z.array(z.string()),
  /** Whether people were told of it. */
  told: z.boolean(),
});
export type Drift = z.infer<typeof Drift>;

/** What a target must run, so that what is on record is true. */
export interface OnRecord {
  readonly release: string;
  readonly imageUri: string;
  readonly port: number;
  readonly variables: Readonly<Record<string, string>>;
  /** Variable → reference of a secret. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Absent members are left as they are. */
  readonly shape: TargetShape;
}

export type DriftFinding =
  | { readonly found: "as-recorded" }
  | { readonly found: "drifted"; readonly differences: readonly string[]; readonly changedAt?: number }
  /** The target is at work, so what it runs is about to change. */
  | { readonly found: "cannot-tell" };

/**
 * Whether the record says what is live, and nobody can be at work there: no deployment holds the lease, none has held
 * it within the time that a function of it may go on, and no person was asked to look.
 */
export function isComparable(
  { live, lease, freed, frozen }: Pick<EnvironmentRecord, "live" | "lease" | "freed" | "frozen">,
  now: number,
): boolean {
  if (live === undefined || lease !== undefined || frozen !== undefined) return false;
  return now - (freed?.at ?? 0) > 2 * functionTimeoutSeconds * 1000;
}

/** What the target was told when the live revision was brought to it. @param release that of the revision. */
export function onRecord(live: Pick<Revision, "image">, release: Release, environment: string): OnRecord {
  const settings = runtimeSettings(release, environment);
  const { port, variables, secrets } = settings;
  const shape = shapeOf(settings);
  return { release: release.id, imageUri: live.image.uri, port, variables, secrets, shape };
}

/** Compares what runs with what is on record. @param found undefined: there is no such target. */
export function findDrift(recorded: OnRecord, found: TargetFound | undefined): DriftFinding {
  if (found === undefined) return { found: "drifted", differences: ["it is not there any more"] };
  if (found.status === "busy") return { found: "cannot-tell" };
  const differences = [...describeState(found), ...describeImage(recorded, found)];
  const settings = found.imageUri === undefined ? [] : describeSettings(recorded, found);
  const all = [...differences, ...settings];
  if (all.length === 0) return { found: "as-recorded" };
  return {
    found: "drifted",
    differences: all,
    ...(found.changedAt === undefined ? {} : { changedAt: found.changedAt }),
  };
}

/** What is to be done with what was found. */
export type DriftNote =
  | { readonly note: "nothing" }
  /** It is new, or another than before; or nobody managed to tell people yet. */
  | { readonly note: "report"; readonly drift: Drift }
  | { readonly note: "clear" };

/** Decides what is noted and told: each drift once, and its end. */
export function noteDrift(
  { drift }: Pick<EnvironmentRecord, "drift">,
  release: string,
  finding: DriftFinding,
  now: number,
): DriftNote {
  if (finding.found === "cannot-tell") return { note: "nothing" };
  if (finding.found === "as-recorded") return drift === undefined ? { note: "nothing" } : { note: "clear" };
  const differences = [...finding.differences];
  const isSame = drift?.release === release && isEqual(drift.differences, differences);
  if (isSame) return drift.told ? { note: "nothing" } : { note: "report", drift };
  const { changedAt } = finding;
  return { note: "report", drift: { since: now, changedAt, release, differences, told: false } };
}

/** What a person reads of it, and what they can do. */
export function describeDrift(
  service: string,
  environment: string,
  { release, differences, changedAt }: Omit<Drift, "told" | "since">,
): string {
  const when = changedAt === undefined ? "" : `, last changed ${new Date(changedAt).toISOString()}`;
  return `What runs in ${environment} of ${service} is not what is on record, ${release}: ${differences.join("; ")}${when}. Nothing was changed. To have what is on record again, start the deploy machine with {"intent":"recover","service":"${service}","environment":"${environment}"}; to keep what runs, release it.`;
}

function describeState({ status, platformStatus, deploysByItself }: TargetFound): string[] {
  return [
    ...(status === "paused" ? ["it is paused, and nothing serves; resume it before anything else"] : []),
    ...(status === "failed" ? [`it does not run: the platform says ${platformStatus}`] : []),
    ...(deploysByItself
      ? ["it deploys every push by itself, untested (AutoDeploymentsEnabled is on; it was off)"]
      : []),
  ];
}

function describeImage({ imageUri }: OnRecord, found: TargetFound): string[] {
  if (found.imageUri === imageUri) return [];
  return [`it runs ${shortOf(found.imageUri ?? "no image")} instead of ${shortOf(imageUri)}`];
}

/** `123456789012.dkr.ecr.eu-central-1.amazonaws.com/web@sha256:…` → `web@sha256:…` if it is from the same place. */
function shortOf(uri: string): string {
  return uri.replace(/^\d+\.dkr\.ecr\.[^/]+\//, "");
}

function describeSettings(recorded: OnRecord, found: TargetFound): string[] {
  return [
    ...(found.port === undefined || found.port === String(recorded.port)
      ? []
      : [`it is told the port ${found.port} instead of ${recorded.port}`]),
    ...describeMap("variable", recorded.variables, found.variables),
    ...describeMap("secret", recorded.secrets, found.secrets),
    ...describeShape(recorded.shape, found.shape),
  ];
}

const shapeInWords: Readonly<Record<(typeof shapeMembers)[number], string>> = {
  cpu: "CPU",
  memory: "memory",
  role: "role of an instance",
  healthProtocol: "health check's protocol",
  healthPath: "health check's path",
  healthInterval: "health check's interval",
  healthTimeout: "health check's timeout",
  healthyThreshold: "health check's healthy threshold",
  unhealthyThreshold: "health check's unhealthy threshold",
  network: "way out",
};

/** What Spillway does not set, or the platform does not tell, is not compared. */
function describeShape(recorded: TargetShape, found: TargetShape): string[] {
  return shapeMembers.flatMap((member) => {
    const [before, now] = [recorded[member], found[member]];
    if (before === undefined || now === undefined || before === now) return [];
    return [`it is told the ${shapeInWords[member]} ${now} instead of ${before}`];
  });
}

/**
 * By name only: a value that somebody put there by hand may be a secret. What Spillway gives by itself is left out:
 * another version of it may give more.
 */
function describeMap(
  kind: "variable" | "secret",
  recorded: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): string[] {
  const names = [...new Set([...Object.keys(recorded), ...Object.keys(found)])]
    .filter((name) => !name.startsWith("SPILLWAY_"))
    .toSorted();
  return names.flatMap((name) => {
    const [before, now] = [recorded[name], found[name]];
    if (before === now) return [];
    if (now === undefined) return [`the ${kind} ${name} was taken away`];
    return [before === undefined ? `the ${kind} ${name} was added` : `the ${kind} ${name} has another value`];
  });
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}
