import * as z from "zod/mini";

/**
 * That somebody asked for something by hand: written before it is done, completed when it is done or refused. One
 * without `done` and `refused` was broken off half-way; doing it again is harmless.
 */
export const AuditEntry = z.object({
  service: z.string(),
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** Tells entries of one moment apart: the id of the request. */
  id: z.string(),
  /** The caller's ARN as AWS saw it, with its session. */
  by: z.string(),
  action: z.string(),
  environment: z.optional(z.string()),
  release: z.optional(z.string()),
  digest: z.optional(z.string()),
  /** Why, in the person's words. */
  reason: z.optional(z.string()),
  /** What was done, in a sentence. */
  done: z.optional(z.string()),
  /** Why it was not: the error's name and message. */
  refused: z.optional(z.string()),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
