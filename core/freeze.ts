import * as z from "zod/mini";

/** A time in which nothing is deployed or promoted to an environment. Milliseconds since the epoch. */
export const Freeze = z.object({ from: z.number(), until: z.number(), reason: z.string() });
export type Freeze = z.infer<typeof Freeze>;

/** A person's word that one release does not wait for a freeze. */
export const FreezeOverride = z.object({
  release: z.string(),
  by: z.string(),
  reason: z.string(),
  at: z.number(),
});
export type FreezeOverride = z.infer<typeof FreezeOverride>;

export type FreezeDecision =
  | { readonly frozen: false }
  /** `until` is when the last of the freezes ends that touch one another from now on. */
  | { readonly frozen: true; readonly until: number; readonly reason: string };

/** Whether an environment is frozen now, and until when. A freeze holds from its first moment, up to its last. */
export function decideFreeze(freezes: readonly Freeze[], now: number): FreezeDecision {
  const first = latestOf(freezes, now);
  if (first === undefined) return { frozen: false };
  let last = first;
  for (let next = latestOf(freezes, last.until); next !== undefined; next = latestOf(freezes, last.until))
    last = next;
  return { frozen: true, until: last.until, reason: first.reason };
}

/** Of the freezes that hold at a moment, the one that ends last. */
function latestOf(freezes: readonly Freeze[], at: number): Freeze | undefined {
  return freezes
    .filter(({ from, until }) => from <= at && at < until)
    .reduce<Freeze | undefined>(
      (last, one) => (last === undefined || one.until > last.until ? one : last),
      undefined,
    );
}

/** Why nothing is deployed, and what a person can do about it. */
export function describeFreeze(
  environment: string,
  release: string,
  { until, reason }: Extract<FreezeDecision, { frozen: true }>,
): string {
  return `${environment} is frozen until ${new Date(until).toISOString()}: ${reason}; npm run operate -- override-freeze ${release} ${environment} --reason "WHY" lets it go before`;
}
