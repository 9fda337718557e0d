import * as z from "zod/mini";
import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { connectImages } from "../aws/ecr.ts";
import {
  chooseWaves,
  decideAdmission,
  decideSuperseded,
  type ReleaseRequest,
  readRequest,
} from "../core/admission.ts";
import type { Config, ServiceConfig } from "../core/config.ts";
import { SpillwayError } from "../core/errors.ts";
import { isFresh, reuseEvidence, reusePassed } from "../core/evidence.ts";
import { planRelease } from "../core/plan.ts";
import { refuseQuarantined } from "../core/quarantine.ts";
import type {
  CommitEvidence,
  EnvironmentRecord,
  HeardEvent,
  Installation,
  Quarantine,
  Release,
} from "../core/records.ts";
import { planResume, readResume } from "../core/resume.ts";
import { requireService } from "../core/settings.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { describeSubject, findService, findSubject, type Subject, subjectId } from "./release-subject.ts";

const Input = z.object({ execution: z.string(), input: z.unknown() });

/** The one door: accepts a push, a console start or an event, or resumes a release; pins the images, fixes order and sameness. */
export const admitRelease: FunctionDefinition<typeof Input, object> = {
  name: "AdmitRelease",
  input: Input,
  async run({ execution, input }, { connection, environment }) {
    const records = connectRecords(connection, environment.table);
    const images = connectImages(connection);
    const installation = await records.installation();
    const resumed = await findResumed(records, installation.config, input);
    const request = resumed?.request ?? readRequest(input);
    const heard = request.event === undefined ? undefined : await records.heardEvent(request.event);
    const opened = await findOpened(records, heard);
    if (opened !== undefined && opened.executionArn !== execution) return duplicateOf(request.event, opened);
    const { trigger, why, force, environments } = request;
    const [service, config] = findService(installation.config, request);
    chooseWaves(config, environments);
    const { resources } = installation;
    const subject = await findSubject(images, resources, config, request);
    const attempts = await attemptsAt(records, service, subject);
    // Another execution of the event may have opened one since its note was read, or noted it before we noted ours.
    const again = attempts.find((one) => isOpenedBy(one, request.event) && one.executionArn !== execution);
    if (again !== undefined) return duplicateOf(request.event, again);
    const latest = attempts.at(-1);
    const admission = decideAdmission(
      trigger,
      execution,
      latest && { ...latest, open: latest.endedAt === undefined },
    );
    const id = subjectId(service, subject, admission.attempt);
    if (admission.decision === "duplicate")
      return { decision: "ended", outcome: "Duplicate", release: id, reason: admission.reason };
    // This very execution wrote the record already, and only its answer was lost.
    if (admission.again && latest !== undefined) return answer(latest);
    const now = connection.now();
    const described = {
      id,
      service,
      attempt: admission.attempt,
      trigger,
      event: request.event,
      executionArn: execution,
      why,
      ...(force ? { force } : {}),
      environments: environments && [...environments],
      ...(resumed === undefined
        ? await describeSubject(images, resources, config, subject)
        : pinned(resumed.release)),
      installation: onlyOf(service, installation),
      evidence: {},
      openedAt: now,
    };
    const known = await readKnown(records, config, described);
    const release = takeOver(config, now, resumed?.release, described, known);
    const refused = refuseKnownIll(release, known) ?? supersede(config, release, known);
    const admitted = { ...release, ...refused };
    const isFirst = request.event === undefined || (await records.hear(request.event, admitted, heard));
    if (!isFirst || !(await records.openRelease(admitted)))
      throw new SpillwayError("Throttled", `Another start opened ${id} at the same moment; looking again.`);
    return answer(admitted);
  },
};

/** The release that an event opened. That it is heard is noted before, so the note alone tells of none. */
async function findOpened(records: Records, heard: HeardEvent | undefined): Promise<Release | undefined> {
  const release = heard && (await records.release(heard.release));
  if (release === undefined) return undefined;
  return isOpenedBy(release, heard?.event) || release.executionArn === heard?.executionArn
    ? release
    : undefined;
}

function isOpenedBy(release: Release, event: string | undefined): boolean {
  return event !== undefined && release.event === event;
}

function duplicateOf(event: string | undefined, { id, service }: Release): object {
  const reason = `the event ${event} was heard before and opened ${id}; to release its image again, send a new event, or start this machine with {"service":"${service}","tag":"TAG"}`;
  return { decision: "ended", outcome: "Duplicate", release: id, reason };
}

/** What a release needs: a record that holds the config of every service costs more to read and write with each. */
function onlyOf(service: string, { config, resources }: Installation): Installation {
  const services = Object.entries(config.services).filter(([name]) => name === service);
  return { config: { ...config, services: Object.fromEntries(services) }, resources };
}

/** The release that an execution was started to resume, and what that is a wish for. */
async function findResumed(
  records: Records,
  { services }: Config,
  input: unknown,
): Promise<{ release: Release; request: ReleaseRequest } | undefined> {
  const asked = readResume(input);
  if (asked === undefined) return undefined;
  const { release, deployments } = await records.wholeRelease(asked.release);
  const config = services[release.service] ?? requireService(release);
  const places = Object.keys(config.environments).map((name) => records.environment(release.service, name));
  const request = planResume(release, config, deployments, await Promise.all(places), asked.reason);
  return { release, request };
}

/** A resumed release is the same images, wherever their tags are now. */
function pinned(release: Release) {
  const { tag, image, migrationImage, schemaHistory, readableFrom, commit, sequence, builtAgainst } = release;
  return { tag, image, migrationImage, schemaHistory, readableFrom, commit, sequence, builtAgainst };
}

function answer(release: Release): object {
  const { id, service, outcome, reason } = release;
  if (outcome !== undefined) return { decision: "ended", outcome, release: id, reason };
  return { decision: "admitted", release: id, service, ...planRelease(release, requireService(release)) };
}

/** Every attempt at a subject, the first first. */
async function attemptsAt(records: Records, service: string, subject: Subject): Promise<Release[]> {
  const attempts: Release[] = [];
  for (;;) {
    const release = await records.release(subjectId(service, subject, attempts.length + 1));
    if (release === undefined) return attempts;
    attempts.push(release);
  }
}

/** What is on record of an image that is to be released, and of where it may go. */
interface Known {
  readonly evidence: CommitEvidence | undefined;
  readonly quarantine: Quarantine | undefined;
  readonly places: readonly EnvironmentRecord[];
}

async function readKnown(
  records: Records,
  { environments }: ServiceConfig,
  { image, commit, service }: Release,
): Promise<Known> {
  if (image === undefined) return { evidence: undefined, quarantine: undefined, places: [] };
  const [evidence, quarantine, places] = await Promise.all([
    commit === undefined ? undefined : records.commitEvidence(service, commit),
    records.quarantine(service, image.digest),
    Promise.all(Object.keys(environments).map((name) => records.environment(service, name))),
  ]);
  return { evidence, quarantine, places };
}

/** A push goes on with what a release by commit found of its commit, to where a person wanted that. */
function takeOver(
  config: ServiceConfig,
  now: number,
  resumed: Release | undefined,
  release: Release,
  { evidence: found }: Known,
): Release {
  if (resumed !== undefined)
    return { ...release, evidence: reusePassed(resumed, requireService(resumed), config, now) };
  const { image, commit, trigger } = release;
  if (image === undefined || commit === undefined) return release;
  const evidence = reuseEvidence(found, config, now);
  if (found === undefined || trigger !== "push" || !isFresh(found, now)) return { ...release, evidence };
  const { environments, why } = found;
  return { ...release, evidence, environments, why };
}

/**
 * A digest in quarantine is not released: the record of a push says so.
 * @throws SpillwayError Quarantined if a person asks for it without "force".
 */
function refuseKnownIll(
  { image, trigger, force, openedAt }: Release,
  { quarantine }: Known,
): Partial<Release> | undefined {
  if (image === undefined) return undefined;
  const reason = refuseQuarantined(quarantine, "deploy", force === true ? openedAt : undefined);
  if (reason === undefined) return undefined;
  if (trigger === "push") return { outcome: "Rejected", reason, endedAt: openedAt };
  throw new SpillwayError("Quarantined", `${reason}.`);
}

/**
 * An image that is older than what is live wherever it would go is not released: a push is superseded.
 * @throws SpillwayError OlderThanLive if a person asks for it: going back is a rollback.
 */
function supersede(
  config: ServiceConfig,
  { image, service, sequence, environments, trigger, openedAt }: Release,
  known: Known,
): Partial<Release> {
  if (image === undefined) return {};
  const places = chooseWaves(config, environments)
    .flat()
    .flatMap((name) => known.places.find(({ environment }) => environment === name) ?? []);
  const reason = decideSuperseded(sequence, places);
  if (reason === undefined) return {};
  if (trigger === "push") return { outcome: "Superseded", reason, endedAt: openedAt };
  throw new SpillwayError(
    "OlderThanLive",
    `This image is ${reason}. To go back, start the deploy machine with {"intent":"rollback","service":"${service}","environment":"${places[0]?.environment}"}, and "to" with a release's name if not to the previous one.`,
  );
}

export const handler = createHandler(admitRelease);
