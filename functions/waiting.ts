import { connectRecords, type Records } from "../aws/dynamodb.ts";
import { connectExecutions } from "../aws/states.ts";
import { decideRetry, nextLook, type Wait, type WaitKind, type WaitResult, workName } from "../core/wait.ts";
import type { Place } from "./middleware.ts";

/** Work that a state waits for. */
export interface Work {
  readonly key: string;
  readonly kind: WaitKind;
  readonly release: string;
  readonly token: string;
  readonly subject: Readonly<Record<string, string>>;
  /** Of work that nobody has to begin: what its wait is found by. */
  readonly arn?: string;
  /** Begins the work under this name. */
  begin(name: string): Promise<Begun>;
  /** Looks for work that was begun under this name, at or after `since`, and whose ARN was lost. */
  find(name: string, since: number): Promise<Begun | undefined>;
  /** Ends work that was begun while its wait was closed. Absent: such work ends by itself. */
  stop?(arn: string): Promise<void>;
}

/** Work under way: the ARN its events name, and what else is needed to ask about it. */
export interface Begun {
  readonly arn: string;
  readonly subject?: Readonly<Record<string, string>>;
}

/** Asks a service how awaited work ended; undefined while it goes on. Notes what is worth keeping. */
export type Look = (wait: Wait & { readonly awaitedArn: string }) => Promise<WaitResult | undefined>;

/**
 * Intent first: writes the wait, begins the work, attaches its ARN, looks once, and leaves. A retry replaces the
 * token and takes over work already begun, so nothing is asked for twice; an answer already known is given again.
 */
export async function awaitWork(place: Place, work: Work, look: Look): Promise<void> {
  const records = connectRecords(place.connection, place.environment.table);
  const wait = await openOrRetry(place, records, work);
  if (wait.result !== undefined) return connectExecutions(place.connection).complete(work.token, wait.result);
  if (wait.awaitedArn !== undefined) return settle(place, wait, look);
  const name = workName(wait);
  const begun =
    (wait.looks < 0 ? undefined : await work.find(name, wait.begunAt)) ?? (await work.begin(name));
  const subject = { ...work.subject, ...begun.subject };
  if (!(await records.attachAwaited(wait, begun.arn, subject))) return work.stop?.(begun.arn);
  return settle(place, { ...wait, looks: 0, awaitedArn: begun.arn, subject }, look);
}

/**
 * A wait just opened has `looks` below zero: nothing can have been begun for it. What is written says which try and
 * which token it follows, since a request of a function that is gone may take effect after its retry's.
 */
async function openOrRetry(place: Place, records: Records, work: Work): Promise<Wait> {
  const now = place.connection.now();
  const { key, kind, release, token } = work;
  const fresh: Wait = {
    key,
    kind,
    release,
    token,
    tries: 0,
    begunAt: now,
    subject: { ...work.subject },
    looks: 0,
    lookAgainAt: nextLook(now, 0, kind),
    ...(work.arn === undefined ? {} : { awaitedArn: work.arn }),
  };
  if (await records.openWait(fresh)) return { ...fresh, looks: -1 };
  const found = await records.wait(key);
  if (found === undefined) return openOrRetry(place, records, work);
  if (decideRetry(found) === "begin-anew") {
    const again = { token, tries: found.tries + 1, begunAt: now, lookAgainAt: nextLook(now, 0, kind) };
    if (!(await records.reopenWait(found, again))) return openOrRetry(place, records, work);
    const { result: _, awaitedArn: __, ...rest } = found;
    return { ...rest, ...again, looks: -1 };
  }
  if (found.token !== token && !(await records.replaceToken(found, token)))
    return openOrRetry(place, records, work);
  return { ...found, token };
}

/**
 * Asks once how awaited work ended, and if it did, wakes the state that waits. The state is woken before the
 * wait is closed: if we die between, `Reconcile` wakes it again, which is harmless.
 */
export async function settle(place: Place, wait: Wait, look: Look): Promise<void> {
  const records = connectRecords(place.connection, place.environment.table);
  const { awaitedArn } = wait;
  const result = awaitedArn === undefined ? undefined : await look({ ...wait, awaitedArn });
  if (result === undefined) return postpone(records, wait, place.connection.now());
  return wake(place, records, wait, result);
}

/** A retry may have put a token of its own in place since the wait was read: then that one is woken, too. */
async function wake(place: Place, records: Records, wait: Wait, result: WaitResult): Promise<void> {
  await connectExecutions(place.connection).complete(wait.token, result);
  if (await records.closeWait(wait, result)) return;
  const now = await records.wait(wait.key);
  if (now?.tries === wait.tries && now.token !== wait.token) return wake(place, records, now, result);
}

/** Only a look that was due moves the next one: an event that comes early must not put off the look for one that is lost. */
async function postpone(
  records: Records,
  { key, kind, looks, lookAgainAt }: Wait,
  now: number,
): Promise<void> {
  if (now < lookAgainAt) return;
  const looked = Math.max(looks, 0) + 1;
  await records.lookAgain(key, looked, nextLook(now, looked, kind));
}
