import type { Records } from "../aws/dynamodb.ts";
import type { Approval } from "../core/approval.ts";
import type { AuditEntry } from "../core/audit.ts";
import type { Deployment, Quarantine, Release } from "../core/records.ts";
import { renderDeployment } from "./deployment-record.ts";
import { renderEvidence } from "./evidence-record.ts";
import { line, moment, section } from "./lines.ts";

/** All that is on record of one release. */
export interface ReleaseRecord {
  /** Without the copy of the installation's config and resources under which it was admitted. */
  readonly release: Omit<Release, "installation">;
  /** In the order in which they were opened. */
  readonly deployments: readonly Deployment[];
  /** What people said about its image, whichever release they were asked for. */
  readonly approvals: readonly Approval[];
  /** That its digest was found unhealthy. */
  readonly quarantine: Quarantine | undefined;
  /** What people asked for by hand that names this release or its digest, oldest first. */
  readonly audit: readonly AuditEntry[];
}

/** There is no such release. */
export class UnknownReleaseError extends Error {
  override readonly name = "UnknownReleaseError";
}

/** @throws UnknownReleaseError saying where the names of releases are. */
export async function readReleaseRecord(records: Records, id: string): Promise<ReleaseRecord> {
  const found = await records.release(id);
  if (found === undefined)
    throw new UnknownReleaseError(
      `There is no release ${id}; npm run status names those that are live or open, and the output of each execution names its own.`,
    );
  const { installation, ...release } = found;
  const { service, image } = release;
  const deployments = (await records.deployments(id)).toSorted((one, other) => one.openedAt - other.openedAt);
  const digest = image?.digest;
  const places = [...new Set(deployments.map(({ environment }) => environment))];
  const approvals =
    digest === undefined
      ? []
      : await Promise.all(places.map((environment) => records.approval(service, environment, digest)));
  const audit = await records.auditEntries(service);
  return {
    release,
    deployments,
    approvals: approvals.filter((approval) => approval !== undefined),
    quarantine: digest === undefined ? undefined : await records.quarantine(service, digest),
    audit: audit.filter((entry) => entry.release === id || (digest !== undefined && entry.digest === digest)),
  };
}

/** For a person: what was released and why, what was found and done, in its order, and how it ended. */
export function renderReleaseRecord(record: ReleaseRecord): string {
  const { release, deployments, approvals, quarantine, audit } = record;
  return [
    ...renderRelease(release),
    ...Object.values(release.evidence).flatMap((evidence) => renderEvidence("evidence", evidence)),
    ...line("quarantine", quarantine && describeQuarantine(quarantine)),
    ...deployments.flatMap((deployment) => ["", ...renderDeployment(deployment)]),
    ...spaced(section("approvals", approvals.flatMap(renderApproval))),
    ...spaced(section("asked for by hand", audit.map(renderAudit))),
  ].join("\n");
}

function renderRelease(release: ReleaseRecord["release"]): string[] {
  const { id, image, commit, author, trigger, executionArn, why, force, environments, cancelled } = release;
  const schema = release.schemaHistory.at(-1);
  return [
    `${id}  ${release.outcome ?? "open"}`,
    ...line("reason", release.reason),
    ...line("digest", image?.digest),
    ...line("commit", commit),
    ...line("tag", release.tag),
    ...line("order", String(release.sequence)),
    ...line("schema", (schema ?? release.builtAgainst) && describeSchema(release.builtAgainst, schema)),
    ...line("made by", author),
    ...line("started", `${moment(release.openedAt)} by ${trigger} (${executionArn})`),
    ...line("why", why),
    ...line("insisted", force && "although something spoke against it"),
    ...line("only to", environments?.join(", ")),
    ...line("built", release.built && `${release.built.digest}, released as ${release.built.release}`),
    ...line("cancelled", cancelled && `${moment(cancelled.at)} by ${cancelled.by}: ${cancelled.reason}`),
    ...line("ended", release.endedAt === undefined ? undefined : moment(release.endedAt)),
  ];
}

function describeSchema(builtAgainst: string | undefined, head: string | undefined): string {
  return `built against ${builtAgainst ?? "none that it names"}; its migrations lead to ${head ?? "none"}`;
}

function describeQuarantine({ since, environment, reason, lifted }: Quarantine): string {
  const end = lifted && `; lifted ${moment(lifted.at)} by ${lifted.by}: ${lifted.reason}`;
  return `since ${moment(since)}, after ${environment}: ${reason}${end ?? ""}`;
}

function renderApproval(approval: Approval): string[] {
  const { environment, demands, requestedAt, expiresAt, given, rejected } = approval;
  return [
    `${environment}: ${given.length} of ${demands.count}, asked ${moment(requestedAt)} for ${approval.release}, until ${moment(expiresAt)}`,
    ...given.map(
      ({ by, at, reason }) => `  yes ${moment(at)} by ${by}${reason === undefined ? "" : `: ${reason}`}`,
    ),
    ...(rejected === undefined
      ? []
      : [`  no ${moment(rejected.at)} by ${rejected.by}: ${rejected.reason ?? "no reason was given"}`]),
  ];
}

function renderAudit({ at, by, action, environment, reason, done, refused }: AuditEntry): string {
  const place = environment === undefined ? "" : ` in ${environment}`;
  const why = reason === undefined ? "" : `, because: ${reason}`;
  const end = done ?? (refused === undefined ? "broken off half-way" : `refused: ${refused}`);
  return `${moment(at)} ${action}${place} by ${by}${why}; ${end}`;
}

function spaced(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", ...lines];
}
