import * as z from "zod/mini";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { refuseCancelled } from "../core/cancel.ts";
import type { FreezeWindow } from "../core/config.ts";
import { SpillwayError } from "../core/errors.ts";
import { decideGate } from "../core/gate.ts";
import { requireImage } from "../core/image.ts";
import { brings, type DeploymentRequest, type Intent, readIntent } from "../core/intent.ts";
import { forcedAt, refuseQuarantined } from "../core/quarantine.ts";
import type { Deployment, DeploymentName, Release } from "../core/records.ts";
import { findRevision } from "../core/revisions.ts";
import { environmentOf, requireService, revertPolicy } from "../core/settings.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.object({ execution: z.string(), input: z.unknown() });

interface Admission {
  readonly deployment: DeploymentName;
  readonly intent: Intent;
  readonly settings: {
    /** Whether a failed deployment may take its migration back. */
    readonly revert: boolean;
    readonly migrationTimeoutSeconds: number;
    readonly healthIntervalSeconds: number;
    /** Whether people have to approve it. */
    readonly approval: boolean;
    /** When nothing is deployed or promoted to the environment. */
    readonly freezeWindows: readonly FreezeWindow[];
  };
}

/**
 * The door of the deploy machine: finds the release that is to be live, and opens the deployment's record. Opening
 * is the last thing it does, so a start that it refuses leaves nothing behind.
 */
export const admitDeployment: FunctionDefinition<typeof Input, Admission> = {
  name: "AdmitDeployment",
  input: Input,
  async run({ execution, input }, { connection, environment: { table } }) {
    const request = readIntent(input);
    const { intent } = request;
    const records = connectRecords(connection, table);
    const { release: id, environment } = await choose(records, request);
    const { release, deployments } = await records.wholeRelease(id);
    requireImage(release);
    const { service, environment: config } = environmentOf(release, environment);
    if (brings(intent)) refuseUnchecked(release);
    refuseCancelled(release, { intent, startedBy: request.startedBy });
    await refuseKnownIll(records, release, request, connection.now());
    const settings = {
      revert: brings(intent) && revertPolicy(service, config) === "allowed",
      migrationTimeoutSeconds: (service.migration?.timeoutMinutes ?? 30) * 60,
      healthIntervalSeconds: config.health.intervalSeconds,
      approval: brings(intent) && config.approval !== undefined,
      freezeWindows: brings(intent) ? config.freezes : [],
    };
    const earlier = deployments.filter((one) => one.environment === environment);
    const own = earlier.find(({ executionArn }) => executionArn === execution);
    if (own !== undefined) return { deployment: nameOf(own), intent, settings };
    const opened: Deployment = {
      release: release.id,
      environment,
      attempt: (earlier.at(-1)?.attempt ?? 0) + 1,
      service: release.service,
      executionArn: execution,
      intent,
      startedBy: request.startedBy,
      why: request.reason,
      ...(request.force ? { force: true } : {}),
      openedAt: connection.now(),
      verification: {},
    };
    if (await records.openDeployment(opened)) return { deployment: nameOf(opened), intent, settings };
    throw new SpillwayError(
      "Throttled",
      `Another execution began to bring ${release.id} to ${environment} at the same moment; looking again.`,
    );
  },
};

function nameOf({ release, environment, attempt }: Deployment): DeploymentName {
  return { release, environment, attempt };
}

/** Which release is to be live where, when the execution has done what it is for. */
async function choose(
  records: Records,
  request: DeploymentRequest,
): Promise<{ release: string; environment: string }> {
  if (request.intent === "deploy") return request;
  await refuseUnknown(records, request.service, environmentsOf(request));
  if (request.intent === "promote") {
    const { live } = await records.environment(request.service, request.from);
    if (live === undefined) throw refusal(`nothing is live in ${request.from} that could be promoted`);
    return { release: live.release, environment: request.to };
  }
  const { environment } = request;
  const record = await records.environment(request.service, environment);
  const id =
    request.intent === "rollback"
      ? findRevision(record, request.to).release
      : (record.live?.release ?? record.current?.release);
  if (id === undefined)
    throw refusal(`nothing was ever deployed to ${environment}, so there is nothing to recover`);
  return { release: id, environment };
}

function environmentsOf(request: Exclude<DeploymentRequest, { intent: "deploy" }>): string[] {
  return request.intent === "promote" ? [request.from, request.to] : [request.environment];
}

async function refuseUnknown(
  records: Records,
  service: string,
  environments: readonly string[],
): Promise<void> {
  const { services } = (await records.installation()).config;
  const config = services[service];
  if (config === undefined)
    throw new SpillwayError(
      "UnknownService",
      `The configuration has no service ${service.slice(0, 100)}; its services are ${Object.keys(services).join(", ") || "none"}.`,
    );
  for (const environment of environments)
    if (config.environments[environment] === undefined)
      throw new SpillwayError(
        "InvalidInput",
        `${service} has no environment ${environment.slice(0, 100)}; it has ${Object.keys(config.environments).join(", ")}.`,
      );
}

/** Before anybody is asked to approve it. */
async function refuseKnownIll(
  records: Records,
  release: Release,
  { intent, force }: DeploymentRequest,
  now: number,
): Promise<void> {
  const quarantine = await records.quarantine(release.service, requireImage(release).digest);
  const refusal = refuseQuarantined(quarantine, intent, forcedAt({ force, openedAt: now }, release));
  if (refusal !== undefined) throw new SpillwayError("Quarantined", `${refusal}.`);
}

/** What is deployed was checked, whoever asks. */
function refuseUnchecked(release: Release): void {
  const { open, missing } = decideGate(release, requireService(release));
  if (!open)
    throw refusal(
      `there is no evidence that ${missing.join(", ")} passed for ${release.id}; release its image again to have it checked`,
    );
}

function refusal(reason: string): SpillwayError {
  return new SpillwayError("DeploymentRefused", `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`);
}

export const handler = createHandler(admitDeployment);
