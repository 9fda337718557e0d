import { Approval } from "../core/approval.ts";
import { AuditEntry } from "../core/audit.ts";
import type { Drift } from "../core/drift.ts";
import { SpillwayError } from "../core/errors.ts";
import type { FreezeOverride } from "../core/freeze.ts";
import { textsOf } from "../core/installation-texts.ts";
import {
  type Cancellation,
  CommitEvidence,
  Deployment,
  type DeploymentName,
  EnvironmentRecord,
  type Evidence,
  type FreedLease,
  HeardEvent,
  type Hold,
  type Installation,
  type Lease,
  PushesSeen,
  Quarantine,
  RefusedPush,
  type Release,
} from "../core/records.ts";
import { Wait, type WaitResult } from "../core/wait.ts";
import type { Connection } from "./connection.ts";
import { type Change, connectItems, type Question } from "./dynamodb-items.ts";
import type { Key } from "./dynamodb-reads.ts";
import { as, asInstallation, asRelease, type Form } from "./record-forms.ts";

/**
 * The records of an installation: one table, single-item conditional writes only. Each item has `pk` and `sk`;
 * `awaitedArn` is the key of the index `awaited`, `openKind` and `lookAgainAt` of the index `open`, which holds
 * only what is not finished.
 */
export type Records = ReturnType<typeof connectRecords>;

const keys = {
  installation: (): Key => ({ pk: "INSTALLATION", sk: "CURRENT" }),
  release: (id: string): Key => ({ pk: `RELEASE#${id}`, sk: "RELEASE" }),
  deployment: ({ release, environment, attempt }: DeploymentName): Key => ({
    pk: `RELEASE#${release}`,
    sk: `DEPLOYMENT#${environment}#${String(attempt).padStart(4, "0")}`,
  }),
  environment: (service: string, environment: string): Key => ({
    pk: `SERVICE#${service}`,
    sk: `ENVIRONMENT#${environment}`,
  }),
  commit: (service: string, commit: string): Key => ({ pk: `COMMIT#${service}#${commit}`, sk: "EVIDENCE" }),
  approval: (service: string, environment: string, digest: string): Key => ({
    pk: `SERVICE#${service}`,
    sk: `APPROVAL#${environment}#${digest}`,
  }),
  audit: ({ service, at, id }: Pick<AuditEntry, "service" | "at" | "id">): Key => ({
    pk: `AUDIT#${service}`,
    sk: `${new Date(at).toISOString()}#${id}`,
  }),
  quarantine: (service: string, digest: string): Key => ({
    pk: `SERVICE#${service}`,
    sk: `QUARANTINE#${digest}`,
  }),
  pushes: (service: string): Key => ({ pk: `PUSHES#${service}`, sk: "SEEN" }),
  refusedPush: (service: string, digest: string): Key => ({
    pk: `PUSHES#${service}`,
    sk: `REFUSED#${digest}`,
  }),
  heardEvent: (event: string): Key => ({ pk: `EVENT#${event}`, sk: "HEARD" }),
  wait: (key: string): Key => ({ pk: `WAIT#${key}`, sk: "WAIT" }),
};

const isOpenAndWanted =
  "attribute_exists(pk) AND attribute_not_exists(endedAt) AND attribute_not_exists(cancelled)";

/** Connects to the records in the table named `table`. */
export function connectRecords(connection: Connection, table: string) {
  const items = connectItems(connection, table);
  const { read, set, create, replace, put } = items;

  async function query<Recorded>(form: Form<Recorded>, question: Question): Promise<Recorded[]> {
    return (await items.query(question)).map(form);
  }

  /** As `set`. @returns the environment's record as it is then; undefined if the condition does not hold. */
  async function setEnvironment(...change: Change): Promise<EnvironmentRecord | undefined> {
    const changed = await items.change(...change);
    return changed && as(EnvironmentRecord)(changed);
  }

  return {
    /** @throws SpillwayError AwsRefused if the installation was never provisioned. */
    async installation(): Promise<Installation> {
      const found = await read(asInstallation, keys.installation());
      if (found === undefined)
        throw new SpillwayError(
          "AwsRefused",
          `The table ${table} holds no configuration; deploy the installation again.`,
        );
      return found;
    },

    /** Until when every push to the service's repository has been seen to; undefined if nobody ever looked. */
    async pushesSeenUntil(service: string): Promise<number | undefined> {
      return (await read(as(PushesSeen), keys.pushes(service)))?.seenUntil;
    },
    /** Notes that, and never goes back. */
    async sawPushes(service: string, seenUntil: number): Promise<void> {
      await set(keys.pushes(service), { seenUntil }, "attribute_not_exists(pk) OR seenUntil < :seenUntil", {
        ":seenUntil": seenUntil,
      });
    },

    /** A push that was given up; undefined if it was not. */
    refusedPush: (service: string, digest: string) =>
      read(as(RefusedPush), keys.refusedPush(service, digest)),
    /** Gives a push up. @returns false if it was before. */
    refusePush: (refused: RefusedPush) => create(keys.refusedPush(refused.service, refused.digest), refused),

    /** An event of another system that was to open a release; undefined if nobody heard it. */
    heardEvent: (event: string) => read(as(HeardEvent), keys.heardEvent(event)),
    /**
     * Notes that it is to open this release, instead of what was noted before and opened none.
     * @returns false if another has noted something meanwhile.
     */
    hear: (event: string, { id, executionArn, openedAt }: Release, before: HeardEvent | undefined) => {
      const { version = 0 } = before ?? {};
      const heard = { event, release: id, executionArn, at: openedAt, version: version + 1 };
      return replace(keys.heardEvent(event), heard, version);
    },

    release: (id: string) => read(asRelease, keys.release(id)),
    async requireRelease(id: string): Promise<Release> {
      return requireThere(id, await read(asRelease, keys.release(id)));
    },
    /** Records a release, open unless it has ended already. @returns false if the release exists already. */
    openRelease: (release: Release) =>
      create(keys.release(release.id), {
        ...release,
        installation: textsOf(release.installation),
        ...(release.endedAt === undefined ? { openKind: "release", lookAgainAt: release.openedAt } : {}),
      }),
    recordEvidence: (release: string, evidence: Evidence) =>
      set(keys.release(release), { [`evidence/${evidence.build}`]: evidence }, "attribute_exists(pk)"),
    /** Evidence of a stage that verified a deployment, while that is open. */
    recordVerification: (deployment: DeploymentName, evidence: Evidence) =>
      set(
        keys.deployment(deployment),
        { [`verification/${evidence.build}`]: evidence },
        "attribute_exists(pk) AND attribute_not_exists(endedAt)",
      ),
    /** Evidence that does not need an image, found by a release by commit. */
    commitEvidence: (service: string, commit: string) =>
      read(as(CommitEvidence), keys.commit(service, commit)),
    /** The latest release by commit has the word. */
    recordCommitEvidence: (found: CommitEvidence) => put(keys.commit(found.service, found.commit), found),
    /** Closes a release once; a second close changes nothing. @returns false if it was closed before. */
    closeRelease: (id: string, end: Pick<Release, "endedAt" | "outcome" | "reason" | "built">) =>
      set(
        keys.release(id),
        { ...end, openKind: undefined },
        "attribute_exists(pk) AND attribute_not_exists(endedAt)",
      ),

    /** The first cancellation stands. @returns false if there was one, or the release is closed. */
    cancelRelease: (id: string, cancelled: Cancellation) =>
      set(keys.release(id), { cancelled }, isOpenAndWanted),
    cancelDeployment: (deployment: DeploymentName, cancelled: Cancellation) =>
      set(keys.deployment(deployment), { cancelled }, isOpenAndWanted),

    deployment: (deployment: DeploymentName) => read(as(Deployment), keys.deployment(deployment)),
    /** Every deployment of a release, by environment and attempt. */
    deployments: (release: string) =>
      query(as(Deployment), {
        condition: "pk = :pk AND begins_with(sk, :sk)",
        values: { ":pk": `RELEASE#${release}`, ":sk": "DEPLOYMENT#" },
      }),
    /** @returns false if there is that attempt already. */
    openDeployment: (deployment: Deployment) =>
      create(keys.deployment(deployment), {
        ...deployment,
        openKind: "deployment",
        lookAgainAt: deployment.openedAt,
      }),
    openDeployments: () =>
      query(as(Deployment), {
        index: "open",
        condition: "openKind = :kind",
        values: { ":kind": "deployment" },
      }),
    /** Changes a deployment's record, as long as it is this execution's and open. */
    updateDeployment: (
      deployment: DeploymentName & Pick<Deployment, "executionArn">,
      members: Partial<Deployment>,
    ) =>
      set(
        keys.deployment(deployment),
        members,
        "executionArn = :execution AND attribute_not_exists(endedAt)",
        { ":execution": deployment.executionArn },
      ),
    /**
     * Notes that a deployment may migrate from now on, once: a request that takes effect after its function is gone
     * must not overwrite what is known of the migration by then.
     * @returns false if that is on record already, or if the deployment was closed or passed on.
     */
    beginMigration: (deployment: DeploymentName & Pick<Deployment, "executionArn">, begunAt: number) =>
      set(
        keys.deployment(deployment),
        { migration: { begunAt, confirmed: false } },
        "executionArn = :execution AND attribute_not_exists(endedAt) AND attribute_not_exists(migration)",
        { ":execution": deployment.executionArn },
      ),
    /** Closes a deployment once; a second close changes nothing. @returns false if it was closed before. */
    closeDeployment: (deployment: DeploymentName, end: Pick<Deployment, "endedAt" | "outcome" | "reason">) =>
      set(
        keys.deployment(deployment),
        { ...end, openKind: undefined },
        "attribute_exists(pk) AND attribute_not_exists(endedAt)",
      ),
    /**
     * Closes a deployment as its own execution found it to have ended. Once the way back has begun, what a try on the
     * way forward still has under way comes too late.
     * @returns false if it was closed before, or the way back has begun since it was read.
     */
    closeOwnDeployment: (deployment: Deployment, end: Pick<Deployment, "endedAt" | "outcome" | "reason">) => {
      const isOpen = "attribute_exists(pk) AND attribute_not_exists(endedAt)";
      const key = keys.deployment(deployment);
      const members = { ...end, openKind: undefined };
      const isForward = deployment.rollback === undefined;
      if (!isForward) return set(key, members, isOpen);
      // A word of DynamoDB's own needs an alias.
      const aliases = { "#rollback": "rollback" };
      return set(key, members, `${isOpen} AND attribute_not_exists(#rollback)`, {}, aliases);
    },

    async environment(service: string, environment: string): Promise<EnvironmentRecord> {
      return (
        (await read(as(EnvironmentRecord), keys.environment(service, environment))) ?? {
          service,
          environment,
          fence: 0,
        }
      );
    },
    /**
     * Takes the lease for a deployment if nobody did since it was read. Who is the next in line leaves the line with
     * it, must be the next still, and takes it from no line that was stopped since; who is ahead of the line is so no
     * more.
     */
    takeLease: (
      { service, environment, fence, next, ahead }: EnvironmentRecord,
      lease: Lease,
      { current, freed }: Pick<EnvironmentRecord, "current" | "freed">,
    ) => {
      const isNext = next?.execution === lease.owner;
      return set(
        keys.environment(service, environment),
        {
          ...{ service, environment, lease, current, fence: lease.fence },
          ...openSince(lease.since),
          ...(isNext ? { next: undefined } : {}),
          ...(ahead?.execution === lease.owner ? { ahead: undefined } : {}),
          ...(freed === undefined ? {} : { freed }),
        },
        `(attribute_not_exists(fence) OR fence = :before)${isNext ? " AND #next.execution = :owner AND attribute_not_exists(stopped)" : ""}`,
        { ":before": fence, ...(isNext ? { ":owner": lease.owner } : {}) },
        isNext ? { "#next": "next" } : {},
      );
    },
    /**
     * Gives the lease back, and says why; harmless if another has it.
     * @returns the environment as it is then; undefined if the lease was not this fence's.
     */
    async releaseLease(
      service: string,
      environment: string,
      freed: FreedLease,
    ): Promise<EnvironmentRecord | undefined> {
      const key = keys.environment(service, environment);
      const isOwn = "lease.fence = :fence";
      const own = { ":fence": freed.fence };
      const gone = { lease: undefined, freed };
      const lonely = await setEnvironment(
        key,
        { ...gone, openKind: undefined },
        `${isOwn} AND attribute_not_exists(#next) AND attribute_not_exists(ahead)`,
        own,
        { "#next": "next" },
      );
      return lonely ?? setEnvironment(key, gone, isOwn, own);
    },
    /** Takes an environment from what is open, unless somebody has it or waits for it. */
    closeEnvironment: (service: string, environment: string) =>
      set(
        keys.environment(service, environment),
        { openKind: undefined },
        "attribute_not_exists(lease) AND attribute_not_exists(#next) AND attribute_not_exists(ahead)",
        {},
        { "#next": "next" },
      ),
    /**
     * Takes the place in line if nobody did since it was read.
     * @returns the environment as it is then; undefined if somebody did, or took the lease.
     */
    enterLine: (
      { service, environment, fence, next: before }: EnvironmentRecord,
      next: NonNullable<EnvironmentRecord["next"]>,
    ) =>
      setEnvironment(
        keys.environment(service, environment),
        { service, environment, fence, next, ...openSince(next.since) },
        `(attribute_not_exists(fence) OR fence = :fence) AND ${before === undefined ? "attribute_not_exists(#next)" : "#next.execution = :before"}`,
        { ":fence": fence, ...(before === undefined ? {} : { ":before": before.execution }) },
        { "#next": "next" },
      ),
    /** Says for what the next in line waits. */
    sayWhyNextWaits: (service: string, environment: string, execution: string, why: string) =>
      set(
        keys.environment(service, environment),
        { "next/why": why },
        "#next.execution = :execution",
        { ":execution": execution },
        { "#next": "next" },
      ),
    /** Says that a rollback or a recovery waits for the lease, which comes before whoever is in line. */
    goAhead: (service: string, environment: string, ahead: NonNullable<EnvironmentRecord["ahead"]>) =>
      set(
        keys.environment(service, environment),
        { ahead, ...openSince(ahead.since) },
        "attribute_exists(pk)",
      ),
    /** Gives up the place in line, or the one ahead of it, if it is this execution's. */
    async leaveLine(
      service: string,
      environment: string,
      place: "next" | "ahead",
      execution: string,
    ): Promise<void> {
      await set(
        keys.environment(service, environment),
        { [place]: undefined },
        "#place.execution = :execution",
        { ":execution": execution },
        { "#place": place },
      );
    },
    /**
     * Records what is live and was; refused if the lease has passed on, and on the way forward once the way back has
     * recorded it. A `frozen` of undefined lifts a freeze.
     */
    recordLive: (
      {
        service,
        environment,
        fence,
        rollback,
      }: Pick<Deployment, "service" | "environment" | "fence" | "rollback">,
      members: Pick<EnvironmentRecord, "hold"> &
        Partial<Pick<EnvironmentRecord, "live" | "history" | "frozen">>,
    ) =>
      set(
        keys.environment(service, environment),
        rollback === undefined ? members : { ...members, "lease/wentBack": true },
        `lease.fence = :fence${rollback === undefined ? " AND attribute_not_exists(lease.wentBack)" : ""}`,
        { ":fence": fence },
      ),
    freeze: (service: string, environment: string, frozen: NonNullable<EnvironmentRecord["frozen"]>) =>
      set(keys.environment(service, environment), { frozen }, "attribute_exists(pk)"),

    /**
     * Notes what was changed in an environment without us, or that it is as on record again.
     * @returns false if a deployment took the lease since the record was read: then what was seen is of the past.
     */
    noteDrift: ({ service, environment, fence }: EnvironmentRecord, drift: Drift | undefined) =>
      set(
        keys.environment(service, environment),
        { drift },
        "fence = :fence AND attribute_not_exists(lease)",
        { ":fence": fence },
      ),
    /** Notes that people were told of a drift. */
    toldDrift: (service: string, environment: string, { since }: Drift) =>
      set(keys.environment(service, environment), { "drift/told": true }, "drift.since = :since", {
        ":since": since,
      }),

    /** Notes what is wrong with images that an environment needs; undefined: nothing. */
    noteImages: (service: string, environment: string, images: readonly string[] | undefined) =>
      set(keys.environment(service, environment), { images }, "attribute_exists(pk)"),

    /** Notes migration tasks that go on and that nobody waits for; undefined: none. */
    noteTasks: (service: string, environment: string, tasks: readonly string[] | undefined) =>
      set(keys.environment(service, environment), { tasks }, "attribute_exists(pk)"),

    /** Stops the line of an environment, also of one that has no record yet. */
    stopLine: (service: string, environment: string, stopped: NonNullable<EnvironmentRecord["stopped"]>) =>
      set(
        keys.environment(service, environment),
        { service, environment, stopped },
        "attribute_not_exists(stopped)",
      ),
    /** Lets a release go in spite of freeze windows; the last one that was let go is kept. */
    overrideFreeze: (service: string, environment: string, freezeOverride: FreezeOverride) =>
      set(
        keys.environment(service, environment),
        { service, environment, freezeOverride },
        "attribute_not_exists(pk) OR attribute_exists(pk)",
      ),
    /** @returns the environment as it is then; undefined if it was not stopped. */
    resumeLine: (service: string, environment: string) =>
      setEnvironment(
        keys.environment(service, environment),
        { stopped: undefined },
        "attribute_exists(stopped)",
      ),

    /** What people said about an image in an environment; undefined if nobody was asked. */
    approval: (service: string, environment: string, digest: string) =>
      read(as(Approval), keys.approval(service, environment, digest)),
    /** Writes an approval whose version is one more than that of `before`. @returns false if another was faster. */
    putApproval: (approval: Approval) =>
      replace(
        keys.approval(approval.service, approval.environment, approval.digest),
        approval,
        approval.version - 1,
      ),

    /** Writes that somebody asked for something. @returns false if that very request was written before. */
    openAudit: (entry: AuditEntry) => create(keys.audit(entry), entry),
    closeAudit: (entry: AuditEntry, end: Pick<AuditEntry, "done" | "refused">) =>
      set(keys.audit(entry), end, "attribute_exists(pk)"),
    /** Who asked for what by hand, oldest first. @param since milliseconds since the epoch. */
    auditEntries: (service: string, since = 0) =>
      query(as(AuditEntry), {
        condition: "pk = :pk AND sk >= :since",
        values: { ":pk": `AUDIT#${service}`, ":since": new Date(since).toISOString() },
      }),

    /** Lifts a hold by a person's word. @returns false if it is not the one that was read. */
    liftHold: (service: string, environment: string, { since }: Hold) =>
      set(
        keys.environment(service, environment),
        { hold: undefined },
        "#hold.since = :since",
        { ":since": since },
        { "#hold": "hold" },
      ),
    quarantine: (service: string, digest: string) => read(as(Quarantine), keys.quarantine(service, digest)),
    /** The latest verdict has the word, also over a quarantine that was lifted. */
    putInQuarantine: (found: Quarantine) => put(keys.quarantine(found.service, found.digest), found),
    /** @returns false if it is not there, or was lifted before. */
    liftQuarantine: (service: string, digest: string, lifted: NonNullable<Quarantine["lifted"]>) =>
      set(
        keys.quarantine(service, digest),
        { lifted },
        "attribute_exists(pk) AND attribute_not_exists(lifted)",
      ),
    /** Every digest of a service that was found unhealthy, lifted or not. */
    quarantines: (service: string) =>
      query(as(Quarantine), {
        condition: "pk = :pk AND begins_with(sk, :sk)",
        values: { ":pk": `SERVICE#${service}`, ":sk": "QUARANTINE#" },
      }),

    wait: (key: string) => read(as(Wait), keys.wait(key)),
    /** Intent first: written before the work is started. @returns false if the work was begun before. */
    openWait: (wait: Wait) => create(keys.wait(wait.key), { ...wait, openKind: "wait" }),
    /**
     * Begins the work anew after a fault of AWS.
     * @param found the wait as it was read. @returns false if another try has begun it anew since.
     */
    reopenWait: (
      { key, tries }: Pick<Wait, "key" | "tries">,
      begun: Pick<Wait, "token" | "tries" | "begunAt" | "lookAgainAt">,
    ) =>
      set(
        keys.wait(key),
        { ...begun, looks: 0, result: undefined, awaitedArn: undefined, openKind: "wait" },
        "tries = :before",
        { ":before": tries },
      ),
    /**
     * A retry waits with a new token.
     * @param found the wait as it was read. @returns false if another try has replaced it since.
     */
    replaceToken: ({ key, tries, token: before }: Pick<Wait, "key" | "tries" | "token">, token: string) =>
      set(
        keys.wait(key),
        { token },
        "tries = :tries AND #token = :before",
        { ":tries": tries, ":before": before },
        { "#token": "token" },
      ),
    /** @returns false if nobody waits for this work any more: the wait was closed, or the work begun anew. */
    attachAwaited: (
      { key, tries }: Pick<Wait, "key" | "tries">,
      awaitedArn: string,
      subject: Readonly<Record<string, string>>,
    ) =>
      set(keys.wait(key), { awaitedArn, subject }, "openKind = :wait AND tries = :tries", {
        ":wait": "wait",
        ":tries": tries,
      }),
    lookAgain: (key: string, looks: number, lookAgainAt: number) =>
      set(keys.wait(key), { looks, lookAgainAt }, "attribute_exists(pk)"),
    /**
     * @param wait whose end this is, as it was read: the try that begun the work, and the token that is woken.
     * @returns false if there is none such: the work was begun anew, or a retry waits with a token of its own.
     */
    closeWait: ({ key, tries, token }: Pick<Wait, "key" | "tries" | "token">, result: WaitResult) =>
      set(
        keys.wait(key),
        { result, openKind: undefined },
        "tries = :tries AND #token = :token",
        { ":tries": tries, ":token": token },
        { "#token": "token" },
      ),
    /** Closes a wait that is of no use any more, whoever waits. @returns false if there is none of that key. */
    endWait: (key: string, result: WaitResult) =>
      set(keys.wait(key), { result, openKind: undefined }, "attribute_exists(pk)"),
    waitsFor: (awaitedArn: string) =>
      query(as(Wait), { index: "awaited", condition: "awaitedArn = :arn", values: { ":arn": awaitedArn } }),
    openWaits: () =>
      query(as(Wait), { index: "open", condition: "openKind = :kind", values: { ":kind": "wait" } }),
    openReleases: () =>
      query(asRelease, { index: "open", condition: "openKind = :kind", values: { ":kind": "release" } }),
    /** A release, and all its deployments by environment and attempt. @throws SpillwayError ReleaseNotFound */
    async wholeRelease(id: string): Promise<{ release: Release; deployments: Deployment[] }> {
      const found = await items.query({ condition: "pk = :pk", values: { ":pk": `RELEASE#${id}` } });
      const { sk } = keys.release(id);
      const release = found.find((item) => item.sk === sk);
      const deployments = found.filter((item) => String(item.sk).startsWith("DEPLOYMENT#"));
      return {
        release: requireThere(id, release && asRelease(release)),
        deployments: deployments.map(as(Deployment)),
      };
    },
    /**
     * All that is not finished, in one request, since the index holds nothing else: the soonest due first. Each kind is
     * read when it is asked for, so that one record that cannot be read keeps nobody from the other kinds.
     */
    async allOpen() {
      const found = await items.scanOpen();
      const ofKind = <Recorded>(kind: string, form: Form<Recorded>) =>
        found.filter(({ openKind }) => openKind === kind).map(form);
      return {
        waits: () => ofKind("wait", as(Wait)),
        releases: () => ofKind("release", asRelease),
        deployments: () => ofKind("deployment", as(Deployment)),
        /** Whose lease somebody has, or for which somebody waits. */
        environments: () => ofKind("environment", as(EnvironmentRecord)),
      };
    },
  };
}

/** @throws SpillwayError ReleaseNotFound if there is no such release. */
export function requireThere(id: string, release: Release | undefined): Release {
  if (release !== undefined) return release;
  throw new SpillwayError(
    "ReleaseNotFound",
    `There is no release ${id}; releases are named SERVICE-DIGEST-ATTEMPT.`,
  );
}

/** Puts an environment among what is open. */
function openSince(since: number) {
  return { openKind: "environment", lookAgainAt: since };
}
