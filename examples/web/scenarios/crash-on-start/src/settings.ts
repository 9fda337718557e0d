import { DatabaseSettingsError, readConnection } from "./database.ts";

/** What the service needs to know from outside. */
export interface Settings {
  /** `postgres://…` where deployed; `sqlite::memory:` or `sqlite:FILE` while developing. */
  readonly databaseUrl: string;
  /** The authorities that may have signed PostgreSQL's certificate, in PEM; Node's own if undefined. */
  readonly databaseCa: string | undefined;
  readonly host: string;
  readonly port: number;
  /** The commit this build was made from; "unknown" outside an image. */
  readonly commit: string;
}

/** A setting that is missing or malformed. The message names it and what it should be, never its value. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/** Reads the settings once, at the start. Throws SettingsError. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const databaseUrl = readDatabaseUrl(environment);
  const databaseCa = environment.DATABASE_CA || undefined;
  if (!databaseUrl.startsWith("sqlite:")) checkConnection(databaseUrl, databaseCa);
  if (environment.NODE_ENV === "production" && !environment.REPORT_ABUSE_TO) {
    throw new SettingsError(
      "REPORT_ABUSE_TO is not set; it must be the address that people report bad links to.",
    );
  }
  const port = Number(environment.PORT ?? "8080");
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SettingsError("PORT must be a whole number from 0 to 65535.");
  }
  return {
    databaseUrl,
    databaseCa,
    host: environment.HOST ?? "127.0.0.1",
    port,
    commit: environment.SPILLWAY_COMMIT || "unknown",
  };
}

function readDatabaseUrl({ DATABASE_URL, NODE_ENV }: Readonly<Record<string, string | undefined>>): string {
  if (DATABASE_URL) return DATABASE_URL;
  if (NODE_ENV === "development") return "sqlite::memory:";
  throw new SettingsError(
    "DATABASE_URL is not set; it must be a postgres:// URL. Only with NODE_ENV=development may it be left out.",
  );
}

function checkConnection(databaseUrl: string, databaseCa: string | undefined): void {
  try {
    readConnection(databaseUrl, databaseCa);
  } catch (error) {
    if (!(error instanceof DatabaseSettingsError)) throw error;
    throw new SettingsError(error.message, { cause: error });
  }
}
