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

export type Verdict = "healthy" | "unhealthy" | "inconclusive";

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
