import { createHash } from "node:crypto";

/** A token for AWS's own duplicate checks: 64 characters, the same for the same work. */
export function idempotencyToken(work: string): string {
  return createHash("sha256").update(work).digest("hex");
}
