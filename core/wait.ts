import * as z from "zod/mini";
import type { Access } from "./records.ts";

/** What is awaited: a CodeBuild build, an ECS task, an operation of a target, or a turn in an environment, or people. */
export const WaitKind = z.enum(["build", "task", "operation", "turn", "approval"]);
export type WaitKind = z.infer<typeof WaitKind>;

/** How awaited work ended. A failure's `error` is a name that the state machines catch. */
export const WaitResult = z.discriminatedUnion("end", [
  z.object({ end: z.literal("succeeded"), output: z.record(z.string(), z.unknown()) }),
  z.object({ end: z.literal("failed"), error: z.string(), cause: z.string() }),
]);
export type WaitResult = z.infer<typeof WaitResult>;

/**
 * A pending callback. Written before the work is started (intent first), so that whatever is lost on the way,
 * `Reconcile` finds it. The token never leaves the table.
 */
export const Wait = z.object({
  /** Names the work, the same for every retry: `web-3f2a91c0d4e5-1/stage/unit-tests`. */
  key: z.string(),
  kind: WaitKind,
  release: z.string(),
  token: z.string(),
  /** Counts the times the work was begun anew after a fault of AWS. */
  tries: z.int(),
  begunAt: z.number(),
  /** ARN of what is awaited, once it is started. */
  awaitedArn: z.optional(z.string()),
  /** What else is needed to ask about it: the operation's id, the image expected. */
  subject: z.record(z.string(), z.string()),
  /** How many looks were due and found that it goes on. */
  looks: z.int(),
  /** When the next look is due, milliseconds since the epoch; looks that events cause come besides. */
  lookAgainAt: z.number(),
  result: z.optional(WaitResult),
});
export type Wait = z.infer<typeof Wait>;

/**
 * When to ask again about a wait: after 60 seconds, doubling up to 5 minutes. A turn may come at any minute, and the
 * limit of a migration may be near: these are asked about each minute. Milliseconds.
 */
export function nextLook(now: number, looks: number, kind: WaitKind): number {
  const doublings = kind === "turn" || kind === "task" ? 0 : Math.min(looks, 10);
  return now + Math.min(60_000 * 2 ** doublings, 300_000);
}

/** Looks that are due are made each minute: one that was not made for so long could not be made, by anybody. */
const overdueMilliseconds = 5 * 60_000;

/** Whether a wait could not be asked about for minutes: its state will sleep until somebody sees to it. */
export function isOverdue({ lookAgainAt }: Pick<Wait, "lookAgainAt">, now: number): boolean {
  return now - lookAgainAt > overdueMilliseconds;
}

/** Faults of AWS after which the same work may be begun anew; every other end is the work's own word and stands. */
const faults: readonly string[] = ["StageFaulted", "MigrationNotStarted"];

/**
 * What a retry finds: work that goes on, work to look for, work to begin anew, or an answer to give again. A turn that
 * was given may have passed: it is asked for anew.
 */
export function decideRetry(wait: Wait): "goes-on" | "look-for-it" | "begin-anew" | "answer" {
  if (wait.result === undefined) return wait.awaitedArn === undefined ? "look-for-it" : "goes-on";
  if (wait.kind === "turn" && wait.result.end === "succeeded") return "begin-anew";
  return wait.result.end === "failed" && faults.includes(wait.result.error) ? "begin-anew" : "answer";
}

/** The name under which a try of the work is known to AWS. */
export function workName(wait: Pick<Wait, "key" | "tries">): string {
  return wait.tries === 0 ? wait.key : `${wait.key}/${wait.tries}`;
}

/** The way into the account where awaited work goes on, as its subject keeps it; undefined: the installation's own. */
export function accessOf({ roleArn, externalId }: Wait["subject"]): Access | undefined {
  return roleArn === undefined || externalId === undefined ? undefined : { roleArn, externalId };
}
