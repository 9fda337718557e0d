import * as z from "zod/mini";
import type { HealthConfig } from "./config.ts";

/** One look at a service. `answered` is false when we could not ask: no connection, no name, no answer in time. */
export const Observation = z.object({
  /** Milliseconds since the epoch. */
  at: z.number(),
  answered: z.boolean(),
  status: z.optional(z.number()),
  latencyMilliseconds: z.number(),
  /** Why it is not good; absent when it is. Never holds the body. */
  complaint: z.optional(z.string()),
});
export type Observation = z.infer<typeof Observation>;

/** What a health check remembers from one look to the next; carried by the state machine. */
export const HealthState = z.object({
  startedAt: z.number(),
  successes: z.int(),
  failures: z.int(),
  looks: z.int(),
  /** The last few looks: the evidence kept with the verdict. */
  recent: z.array(Observation),
});
export type HealthState = z.infer<typeof HealthState>;

export const Verdict = z.enum(["healthy", "unhealthy", "inconclusive"]);
export type Verdict = z.infer<typeof Verdict>;

/** What came of asking a service once, before it is judged. */
export type Answer =
  | {
      readonly answered: true;
      readonly at: number;
      readonly latencyMilliseconds: number;
      readonly status: number;
      /** The beginning of the body, if it was asked for. */
      readonly body: string;
    }
  | {
      readonly answered: false;
      readonly at: number;
      readonly latencyMilliseconds: number;
      readonly complaint: string;
    };

/** The rules for one answer. */
export type AnswerRules = Pick<
  HealthConfig,
  "path" | "status" | "bodyContains" | "maximumLatencyMilliseconds" | "commitMember"
>;

/** Whether the body must be read to judge an answer. */
export function needsBody({ bodyContains, commitMember }: AnswerRules): boolean {
  return bodyContains !== undefined || commitMember !== undefined;
}

/**
 * Judges one answer by its status, its time, its body and the commit that gave it.
 * @param commit the commit that should answer; undefined if its image has no label, and then nothing is compared.
 */
export function judgeAnswer(rules: AnswerRules, answer: Answer, commit: string | undefined): Observation {
  const { at, latencyMilliseconds } = answer;
  if (!answer.answered)
    return { at, answered: false, latencyMilliseconds, complaint: `${rules.path}: ${answer.complaint}` };
  const { status } = answer;
  const complaint = complaintOf(rules, answer, commit);
  const seen = { at, answered: true, status, latencyMilliseconds };
  return complaint === undefined ? seen : { ...seen, complaint: `${rules.path} ${complaint}` };
}

function complaintOf(
  { status, bodyContains, maximumLatencyMilliseconds, commitMember }: AnswerRules,
  answer: Answer & { answered: true },
  commit: string | undefined,
): string | undefined {
  if (!isWanted(status, answer.status)) return `answered HTTP ${answer.status}`;
  if (bodyContains !== undefined && !answer.body.includes(bodyContains))
    return `answered HTTP ${answer.status} with a body that lacks "${bodyContains.slice(0, 100)}"`;
  if (maximumLatencyMilliseconds !== undefined && answer.latencyMilliseconds > maximumLatencyMilliseconds)
    return `answered HTTP ${answer.status} after ${answer.latencyMilliseconds} ms; ${maximumLatencyMilliseconds} ms are allowed`;
  return commitMember === undefined || commit === undefined
    ? undefined
    : complaintOfCommit(commitMember, answer.body, commit);
}

function isWanted(wanted: HealthConfig["status"], status: number): boolean {
  if (wanted === undefined) return status >= 200 && status < 300;
  return Array.isArray(wanted) ? wanted.includes(status) : wanted === status;
}

function complaintOfCommit(member: string, body: string, commit: string): string | undefined {
  const answering = readMember(body, member);
  if (answering === undefined) return `answered without a JSON member ${member} that names its commit`;
  const [shorter, longer] = answering.length < commit.length ? [answering, commit] : [commit, answering];
  if (shorter.length >= 7 && longer.startsWith(shorter)) return undefined;
  return `was answered by commit ${JSON.stringify(answering.slice(0, 40))}, not by ${commit}`;
}

function readMember(body: string, member: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const value: unknown = Object.entries(parsed).find(([name]) => name === member)?.[1];
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A fresh memory. */
export function beginHealth(now: number): HealthState {
  return { startedAt: now, successes: 0, failures: 0, looks: 0, recent: [] };
}

/**
 * Adds one look and judges. A look that could not be made interrupts a row of successes but is no failure:
 * "cannot tell" is neither healthy nor unhealthy.
 * @returns `verdict` undefined while another look is needed.
 */
export function judgeHealth(
  rules: Pick<HealthConfig, "consecutiveSuccesses" | "consecutiveFailures" | "deadlineSeconds">,
  before: HealthState,
  look: Observation,
): { readonly state: HealthState; readonly verdict: Verdict | undefined } {
  const good = look.answered && look.complaint === undefined;
  const state: HealthState = {
    startedAt: before.startedAt,
    successes: good ? before.successes + 1 : 0,
    failures: good ? 0 : before.failures + (look.answered ? 1 : 0),
    looks: before.looks + 1,
    recent: [...before.recent, look].slice(-5),
  };
  if (state.successes >= rules.consecutiveSuccesses) return { state, verdict: "healthy" };
  if (state.failures >= rules.consecutiveFailures) return { state, verdict: "unhealthy" };
  if (look.at - state.startedAt < rules.deadlineSeconds * 1000) return { state, verdict: undefined };
  return { state, verdict: look.answered && !good ? "unhealthy" : "inconclusive" };
}

/** One sentence for a person: what was seen. */
export function describeHealth(state: HealthState): string {
  const last = state.recent.at(-1);
  const seen =
    last === undefined
      ? "nothing was seen"
      : (last.complaint ?? `HTTP ${last.status} in ${last.latencyMilliseconds} ms`);
  return `${state.looks} looks, ${state.successes} good in a row, ${state.failures} bad in a row; last: ${seen}`;
}
