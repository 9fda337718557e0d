import type { Observation } from "../core/health.ts";
import type { Deployment } from "../core/records.ts";
import { renderEvidence } from "./evidence-record.ts";
import { line, moment, seconds } from "./lines.ts";

/** One attempt in one environment, in the order in which it went. */
export function renderDeployment(deployment: Deployment): string[] {
  const { environment, attempt, intent, outcome, reason, endedAt, openedAt } = deployment;
  return [
    `${environment}, attempt ${attempt}: ${intent}  ${outcome ?? "open"}`,
    ...line("reason", reason),
    ...renderRequest(deployment),
    ...renderTurn(deployment),
    ...renderSchema(deployment),
    ...line("seen before", deployment.healthBefore && describeLook(deployment.healthBefore)),
    ...(deployment.foundOtherwise ?? []).flatMap((difference) => line("found", difference)),
    ...line("switched", deployment.switched && describeSwitch(deployment.switched)),
    ...renderHealth(deployment, "deployed"),
    ...Object.values(deployment.verification).flatMap((evidence) => renderEvidence("verified by", evidence)),
    ...renderBake(deployment),
    ...line(
      "rollback",
      deployment.rollback && `${deployment.rollback.action}, ${moment(deployment.rollback.at)}`,
    ),
    ...renderHealth(deployment, "restored"),
    ...line("ended", endedAt !== undefined && `${moment(endedAt)}, after ${seconds(endedAt - openedAt)}`),
  ];
}

function renderRequest(deployment: Deployment): string[] {
  const { openedAt, startedBy, executionArn, why, force, cancelled, approval, freezes, recovers } =
    deployment;
  return [
    ...line("started", `${moment(openedAt)} by ${startedBy ?? "a person"} (${executionArn})`),
    ...line("why", why),
    ...line("insisted", force && "although something spoke against it"),
    ...line("cancelled", cancelled && `${moment(cancelled.at)} by ${cancelled.by}: ${cancelled.reason}`),
    ...line("recovers", recovers?.map((one) => `${one.release} attempt ${one.attempt}`).join(", ")),
    ...line(
      "approved",
      approval && `${moment(approval.grantedAt)} by ${approval.given.map(({ by }) => by).join(", ")}`,
    ),
    ...(freezes ?? []).flatMap((freeze) =>
      line("freeze", `${moment(freeze.from)} to ${moment(freeze.until)}: ${freeze.reason}`),
    ),
  ];
}

function renderTurn({ fence, tookOver, previous }: Deployment): string[] {
  const before =
    previous &&
    `${previous.release}, commit ${previous.commit ?? "unknown"}, ${previous.image.digest}, since ${moment(previous.since)}`;
  return [
    ...line("lease", fence === undefined ? "never had one: it touched nothing" : `fence ${fence}`),
    ...line("took over", tookOver && `from ${tookOver.release}, fence ${tookOver.fence}: ${tookOver.reason}`),
    ...line("live before", fence !== undefined && (before ?? "nothing")),
  ];
}

function renderSchema({ databaseBefore, migration }: Deployment): string[] {
  const from = migration?.before === undefined ? databaseBefore?.schema : migration.before;
  return [
    ...line(
      "database",
      databaseBefore && `at ${schema(databaseBefore.schema)}, ${moment(databaseBefore.at)}`,
    ),
    ...line("migration", migration && `${schema(from)} to ${schema(migration.after)}, ${endOf(migration)}`),
  ];
}

function endOf({ begunAt, confirmed, skipped, revert }: NonNullable<Deployment["migration"]>): string {
  const end = skipped === true ? "skipped" : confirmed ? "confirmed" : "not confirmed";
  const back = revert === undefined ? "" : `; taking it back: ${revert}`;
  return `${end}, begun ${moment(begunAt)}${back}`;
}

/** null: an empty database. */
function schema(revision: string | null | undefined): string {
  if (revision === undefined) return "unknown";
  return revision ?? "empty";
}

function describeSwitch({ begunAt, operation }: NonNullable<Deployment["switched"]>): string {
  return `${moment(begunAt)}${operation === undefined ? "" : ` (operation ${operation})`}`;
}

function renderHealth({ health }: Deployment, wanted: "deployed" | "restored"): string[] {
  return (health ?? [])
    .filter(({ phase }) => phase === wanted)
    .flatMap(({ phase, verdict, state }) => [
      ...line(phase, `${verdict} after ${state.looks} looks`),
      ...state.recent.flatMap((look) => line("", describeLook(look))),
    ]);
}

function renderBake({ bake }: Deployment): string[] {
  if (bake === undefined) return [];
  const { last } = bake.state;
  return [
    ...line("bake", `${bake.verdict} after ${bake.state.looks} looks: ${bake.why}`),
    ...line("", last && describeLook(last.health)),
    ...(last?.alarms ?? []).flatMap(({ name, state }) => line("", `alarm ${name}: ${state}`)),
  ];
}

function describeLook({ at, answered, status, latencyMilliseconds, complaint }: Observation): string {
  const answer = answered ? `HTTP ${status}` : "no answer";
  const end = complaint === undefined ? "" : `: ${complaint}`;
  return `${moment(at)} ${answer} in ${Math.round(latencyMilliseconds)} ms${end}`;
}
