import { functionTimeoutSeconds } from "./lease.ts";
import { type Wait, workName } from "./wait.ts";

/** A build or a task that goes on, and the name of the work for which Spillway began it. */
export interface RunningWork {
  readonly arn: string;
  readonly work: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** Who ended a wait, or begins work whose ARN is yet to be noted, is given the time of two functions. In milliseconds. */
const gracePeriod = 2 * functionTimeoutSeconds * 1000;

/** A task that only asks the database ends by itself; it is worth a person's attention after so long. In milliseconds. */
const longestQuestion = 30 * 60_000;

/** The keys of waits under which work of that name may have been begun: another try has its number behind the key. */
export function keysOfWork(work: string): string[] {
  const first = work.replace(/\/\d+$/, "");
  return first === work ? [work] : [work, first];
}

/**
 * Whether nobody waits for work that goes on: its wait was never written or is closed, or waits for another try or
 * another start of it. Where the ARN is not noted yet it may be this one.
 * @param waits those of `keysOfWork`, as far as there are any.
 */
export function isOrphan(
  { arn, work, startedAt }: RunningWork,
  waits: readonly Wait[],
  now: number,
): boolean {
  if (now - startedAt <= gracePeriod) return false;
  const isFor = (wait: Wait) =>
    wait.result === undefined &&
    workName(wait) === work &&
    (wait.awaitedArn === undefined || wait.awaitedArn === arn);
  return !waits.some(isFor);
}

/** Whether a person has to know of a migration's task that nobody waits for: it may be changing the database. */
export function mustBeTold({ work, startedAt }: RunningWork, now: number): boolean {
  return changesTheDatabase(work) || now - startedAt > longestQuestion;
}

function changesTheDatabase(work: string): boolean {
  return !/\/migrate-(check|status)(\/\d+)?$/.test(work);
}

/** What a person reads of a migration's task that nobody waits for. */
export function describeOrphanTask(
  { arn, work, startedAt }: RunningWork,
  { cluster, logGroup }: { readonly cluster: string; readonly logGroup: string },
): string {
  const doing = changesTheDatabase(work) ? "may be changing the database" : "asks the database";
  return `The task ${arn} (${work}), begun ${new Date(startedAt).toISOString()}, ${doing}, and nobody waits for it. It was not stopped: read what it does in the log group ${logGroup}, and let it end. If it hangs: aws ecs stop-task --cluster ${cluster} --task ${arn}`;
}
