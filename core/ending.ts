import { cancellationOf } from "./cancel.ts";
import type { Failure } from "./errors.ts";
import type { Verdict } from "./health.ts";
import { type DeploymentEnd, decideDeploymentOutcome, type Outcome } from "./outcome.ts";
import type { Deployment, Release, Revision } from "./records.ts";
import { touchedNothing } from "./recovery.ts";
import { canStay } from "./still-wanted.ts";

/** What is known when a deployment ends: its record, and what the machine learned last. */
export interface EndedDeployment {
  readonly deployment: Deployment;
  readonly release: Pick<
    Release,
    "id" | "commit" | "builtAgainst" | "schemaHistory" | "readableFrom" | "executionArn" | "cancelled"
  >;
  readonly failures: readonly Failure[];
  readonly verdict: Verdict | undefined;
}

/** How a deployment ended, with one sentence that says what was done, what is true now, and why. */
export function endDeployment(ended: EndedDeployment): DeploymentEnd & { readonly reason: string } {
  const { deployment, failures, verdict } = ended;
  const { migration, rollback, fence, intent } = deployment;
  const end = decideDeploymentOutcome({
    intent,
    leased: fence !== undefined,
    failures,
    verdict,
    migrationBegun: migration !== undefined && migration.skipped !== true,
    schemaChanged: schemaChanged(deployment),
    rollback: rollback?.action,
    cancelled: cancellationOf(ended.release, deployment) !== undefined,
  });
  const sentence = [
    describeEnd(end.outcome, ended),
    describeSchema(end.outcome, ended),
    describeFailures(failures),
    describeBefore(end.outcome, deployment),
    describeFound(deployment),
  ];
  return { ...end, reason: sentence.filter((part) => part !== "").join("; ") };
}

/** Whether the schema is another now than before; undefined if nobody knows. */
function schemaChanged({ migration }: Deployment): boolean | undefined {
  if (migration?.revert === "done") return false;
  if (migration?.revert === "begun") return undefined;
  if (migration?.confirmed !== true || migration.before === undefined) return undefined;
  return migration.before !== migration.after;
}

/** The schema revision that the environment has now; null: an empty database; undefined: not known. */
export function schemaNow({ migration, databaseBefore, previous }: Deployment): string | null | undefined {
  if (migration?.revert !== undefined) return migration.revert === "done" ? migration.before : undefined;
  if (migration !== undefined) return migration.confirmed ? migration.after : undefined;
  return databaseBefore === undefined ? previous?.schema : databaseBefore.schema;
}

/**
 * The schema that the environment has now and what can read it, for the record of what is live; or, where nobody knows
 * it, whose migration image may.
 * @param source the release whose migration image knows the schema.
 */
export function schemaMembers(
  deployment: Deployment,
  { id, schemaHistory, readableFrom }: Pick<Release, "id" | "schemaHistory" | "readableFrom">,
): Pick<Revision, "schema" | "schemaHistory" | "readableFrom" | "schemaLeftBy"> {
  const schema = schemaNow(deployment);
  const { previous, migration } = deployment;
  const schemaLeftBy = migration === undefined ? previous?.schemaLeftBy : id;
  // What was on record before is not true any more.
  if (schema === undefined)
    return { schema, schemaHistory: undefined, readableFrom: undefined, schemaLeftBy };
  const known = { schema, schemaLeftBy: undefined };
  if (schema !== null && schema === schemaHistory.at(-1)) return { ...known, schemaHistory, readableFrom };
  // Whoever left it may know what can read it.
  if (previous?.schema !== schema || previous?.schemaHistory === undefined)
    return { schema, schemaLeftBy: previous?.schemaLeftBy };
  return { ...known, schemaHistory: previous.schemaHistory, readableFrom: previous.readableFrom };
}

/** Neither code can serve: what stands in the way, and the two ways out of it. */
function describeDeadlock(before: string, { deployment, release }: EndedDeployment): string {
  const { service, environment, previous, intent, migration, switched } = deployment;
  const back = migration?.before ?? previous?.builtAgainst;
  const { schema } = schemaMembers(deployment, release);
  const migrated = previous?.schemaLeftBy ?? release.id;
  const ill =
    intent === "recover" || switched === undefined
      ? ""
      : `${nameOf(release.id, release.commit)} is not well, and `;
  return `${ill}${before}, built against schema ${previous?.builtAgainst}, cannot run on schema ${schema}, so nothing was brought back. Either repair forward: push a repaired image and start the release machine with {"service":"${service}","tag":"TAG","environments":["${environment}"],"force":true,"reason":"…"}. Or take the migration back: run the migration image of ${migrated} with down --to ${back}, then start the deploy machine with {"intent":"recover","service":"${service}","environment":"${environment}"}`;
}

function describeEnd(outcome: Outcome, ended: EndedDeployment): string {
  const { deployment, release } = ended;
  const { intent, previous, rollback, bake } = deployment;
  const before = previous === undefined ? "nothing" : nameOf(previous.release, previous.commit);
  switch (outcome) {
    case "Released":
      return `${released[intent](nameOf(release.id, release.commit))}${describeLooks(deployment)}${bake === undefined ? "" : `, then ${bake.why}`}`;
    case "Cancelled":
      return touchedNothing(deployment) ? "nothing was touched" : describeBack(before, deployment);
    case "RolledBack":
      return describeBack(before, deployment);
    case "NeedsAttention":
      if (bake?.verdict === "inconclusive" && rollback === undefined)
        return `${nameOf(release.id, release.commit)} serves and was healthy, but nobody can tell whether it stays so: it is kept, and goes no further`;
      if (rollback?.action === "nothing-to-go-back-to")
        return "nothing was live before, so there is nothing to go back to";
      if (rollback?.action === "nothing-done") return `nothing was deployed, ${before} serves as before`;
      if (rollback?.action === "schema-in-the-way") return describeDeadlock(before, ended);
      if (servesAgain(deployment))
        return `${before} serves again${describeLooks(deployment)}, but not all was undone`;
      return `what serves is not known to be well; the last that was is ${before}`;
    case "Superseded":
      return "superseded, nothing was touched";
    default:
      return "nothing was touched";
  }
}

function describeBack(before: string, deployment: Deployment): string {
  const { rollback, switched } = deployment;
  if (rollback?.action === "nothing-done") return `nothing was deployed, ${before} serves as before`;
  if (rollback?.action === "already-back" && switched === undefined)
    return `nothing was deployed, ${before} serves as before${describeLooks(deployment)}`;
  return rollback?.action === "already-back"
    ? `the target went back to ${before} by itself${describeLooks(deployment)}`
    : `rolled back to ${before}${describeLooks(deployment)}`;
}

/** Whether the last thing seen was that the previous revision is healthy. */
function servesAgain({ health = [] }: Deployment): boolean {
  const last = health.at(-1);
  return last?.phase === "restored" && last.verdict === "healthy";
}

const released: Readonly<Record<Deployment["intent"], (name: string) => string>> = {
  deploy: (name) => `${name} is live`,
  promote: (name) => `${name} is live`,
  rollback: (name) => `rolled back to ${name}`,
  recover: (name) => `${name} serves`,
};

function nameOf(release: string, commit: string | undefined): string {
  return commit === undefined ? release : `${release} (commit ${commit.slice(0, 12)})`;
}

function describeLooks({ health = [] }: Deployment): string {
  const looks = health.at(-1)?.state.looks;
  return looks === undefined ? "" : `, verified healthy after ${looks} ${looks === 1 ? "look" : "looks"}`;
}

function describeSchema(outcome: Outcome, { deployment, release }: EndedDeployment): string {
  const { migration, intent, previous } = deployment;
  if (migration === undefined) return intent === "rollback" ? describeKept(outcome, deployment, release) : "";
  const now = migration.after ?? "nothing";
  if (migration.skipped === true) return `the schema was at ${now} already`;
  if (migration.revert === "done") return `the migration was taken back to schema ${migration.before}`;
  if (!migration.confirmed || migration.revert === "begun") return "where the schema stands is not known";
  if (migration.before === migration.after) return `the schema is unchanged at ${now}`;
  if (migration.before === undefined) return `the schema is at ${now}`;
  if (outcome === "Released") return `the schema went from ${migration.before ?? "nothing"} to ${now}`;
  const live = { ...schemaMembers(deployment, release) };
  const readable =
    previous === undefined ? undefined : canStay(previous.builtAgainst, { ...previous, ...live });
  return `the migration ${now} stays (${words(readable)} by the previous code)`;
}

function describeKept(
  outcome: Outcome,
  { previous }: Deployment,
  release: EndedDeployment["release"],
): string {
  if (outcome !== "Released" || previous?.schema === undefined) return "";
  return `the schema stays at ${previous.schema ?? "nothing"} (${words(canStay(release.builtAgainst, previous))} by this code)`;
}

function words(readable: boolean | undefined): string {
  if (readable === undefined) return "not known to be readable";
  return readable ? "readable" : "not readable";
}

function describeFailures(failures: readonly Failure[]): string {
  if (failures.length === 0) return "";
  return `because ${failures.map(({ error, cause }) => `${error}: ${cause}`).join("; then ")}`;
}

/** What somebody changed by hand is not replaced without a word. */
function describeFound({ foundOtherwise = [], switched, rollback, previous }: Deployment): string {
  if (foundOtherwise.length === 0) return "";
  const isReplaced = switched !== undefined || rollback?.action === "restored";
  return `before, the target was not as on record (${previous?.release}): ${foundOtherwise.join("; ")}${isReplaced ? "; that was replaced" : ""}`;
}

function describeBefore(outcome: Outcome, { healthBefore }: Deployment): string {
  if (healthBefore?.complaint === undefined || outcome === "Released") return "";
  return `the service was ill before: ${healthBefore.complaint}`;
}
