import { describeFailure } from "./database.ts";
import { schemaRevision } from "./schema.ts";
import type { LinkStore } from "./store.ts";

/** What `/health` answers: 200 when the service can serve, 503 and the reason when it cannot. */
export interface Health {
  readonly httpStatus: 200 | 503;
  readonly body: {
    /** "behind": the database's schema is older than this code needs. */
    readonly status: "ok" | "behind" | "unavailable";
    readonly commit: string;
    /** The database's schema revision; null when nothing was migrated or it could not be asked. */
    readonly schema: string | null;
    /** Why it cannot serve; only with 503, and never with anything secret. */
    readonly reason?: string;
    /** Where people outside reach the service; in production only. */
    readonly address?: string;
  };
}

/** Asks the database. */
export async function checkHealth(store: LinkStore, commit: string): Promise<Health> {
  const address = process.env.NODE_ENV === "production" ? { address: readPublicAddress() } : {};
  try {
    const schema = await store.schemaRevision();
    // A newer schema is fine: migrations only expand while older code may be running.
    if (schema !== null && schema >= schemaRevision) {
      return { httpStatus: 200, body: { status: "ok", commit, schema, ...address } };
    }
    const reason = `The database is at schema revision ${schema ?? "none"}; this code needs ${schemaRevision}.`;
    return { httpStatus: 503, body: { status: "behind", commit, schema, reason, ...address } };
  } catch (error) {
    const reason = describeFailure(error);
    return { httpStatus: 503, body: { status: "unavailable", commit, schema: null, reason, ...address } };
  }
}

function readPublicAddress(): string {
  return new URL("/", process.env.PUBLIC_URL).href;
}
