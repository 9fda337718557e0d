import { unmarshall } from "@aws-sdk/util-dynamodb";
import { asRelease } from "../../aws/record-forms.ts";
import { Deployment, EnvironmentRecord, RefusedPush, type Release } from "../../core/records.ts";
import { Wait } from "../../core/wait.ts";
import { type Effect, type History, ofKind } from "./history.ts";
import type { Item } from "./table/value.ts";
import type { SimulatedWorld } from "./world.ts";

/** What the installation has on record. */
export interface Recorded {
  readonly releases: readonly Release[];
  readonly deployments: readonly Deployment[];
  readonly environments: readonly EnvironmentRecord[];
  /** Pushes that were given up. */
  readonly refused: readonly RefusedPush[];
  readonly waits: readonly Wait[];
  /** Keys of the items that are not finished. */
  readonly open: readonly string[];
}

export function readRecords({ table, made }: Pick<SimulatedWorld, "table" | "made">): Recorded {
  const items = table.items(made.table).map(membersOf);
  const named = (beginning: string) => items.filter(({ sk }) => String(sk).startsWith(beginning));
  return {
    releases: named("RELEASE").map(readRelease),
    deployments: named("DEPLOYMENT#").map(readDeployment),
    environments: named("ENVIRONMENT#").map(readEnvironment),
    refused: named("REFUSED#").map(readRefusedPush),
    waits: named("WAIT").map(readWait),
    open: items.filter(({ openKind }) => openKind !== undefined).map(({ pk, sk }) => `${pk} ${sk}`),
  };
}

/** An item is never changed, only replaced: what was read of it once holds. */
function once<From extends object, Read>(read: (from: From) => Read): (from: From) => Read {
  const known = new WeakMap<From, Read>();
  return (from) => {
    const value = known.get(from) ?? read(from);
    known.set(from, value);
    return value;
  };
}

const membersOf = once(
  (item: Item): Readonly<Record<string, unknown>> => unmarshall(JSON.parse(JSON.stringify(item))),
);
const readRelease = once(asRelease);
const readDeployment = once((item: object) => Deployment.parse(item));
const readEnvironment = once((item: object) => EnvironmentRecord.parse(item));
const readRefusedPush = once((item: object) => RefusedPush.parse(item));
const readWait = once((item: object) => Wait.parse(item));

/**
 * Whether Spillway itself says that a person has to look at an environment: it is frozen, or its first deployment
 * failed, after which there is nothing to go back to.
 */
export function waitsForAPerson(
  { service, environment, live, frozen }: EnvironmentRecord,
  { deployments }: Recorded,
): boolean {
  if (frozen !== undefined || live !== undefined) return frozen !== undefined;
  return deployments.some(
    (one) => one.service === service && one.environment === environment && one.outcome === "NeedsAttention",
  );
}

/** Pushes of which nothing became so far, in words: neither has a release nor is on record as refused. */
export function lostPushes(history: readonly Effect[], { releases, refused }: Recorded): string[] {
  return ofKind(history, "push")
    .filter(({ digest }) => !releases.some(({ image }) => image?.uri.endsWith(digest) === true))
    .filter(({ digest }) => !refused.some((one) => one.digest === digest))
    .map(({ push, digest }) => `nothing became of ${push.tag} of ${push.service} (${digest.slice(0, 19)})`);
}

/** What goes on, in words: executions, records, leases, builds, migrations. */
export function openItems(world: SimulatedWorld, history: History): string[] {
  const running = new Set<string>();
  for (const { event } of ofKind(history.effects, "event"))
    if (event["detail-type"] === "Step Functions Execution Status Change") {
      const { executionArn, status } = event.detail;
      if (status === "RUNNING") running.add(String(executionArn));
      else running.delete(String(executionArn));
    }
  const open = [...running].map((arn) => `the execution ${arn.split(":").slice(-2).join(":")} runs`);
  for (const item of world.table.items(world.made.table)) {
    const name = `${item.pk && "S" in item.pk ? item.pk.S : ""} ${item.sk && "S" in item.sk ? item.sk.S : ""}`;
    if (item.openKind !== undefined) open.push(`the record ${name} is open`);
    if (item.lease !== undefined) open.push(`the lease of ${name} is held`);
    if (item.next !== undefined) open.push(`somebody waits in line for ${name}`);
  }
  const work = new Map<string, number>();
  for (const effect of history.effects)
    if (effect.kind === "migration" || effect.kind === "build") {
      const what = effect.kind === "migration" ? `a migration of ${effect.database}` : "a build";
      work.set(what, (work.get(what) ?? 0) + (effect.phase === "begun" ? 1 : -1));
    }
  for (const [what, count] of work) if (count > 0) open.push(`${what} runs`);
  return open;
}
