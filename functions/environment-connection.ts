import type { Connection } from "../aws/connection.ts";
import { connectEnvironment } from "../aws/member.ts";
import type { Release } from "../core/records.ts";
import { resourcesOf } from "../core/settings.ts";
import { accessOf, type Wait } from "../core/wait.ts";
import type { Place } from "./middleware.ts";

/** The connection to the account where a release's environment runs. */
export function connectionTo({ connection }: Place, release: Release, environment: string): Connection {
  return connectEnvironment(connection, resourcesOf(release, environment).access);
}

/** What a wait's subject keeps, so that whoever asks about the work reaches the account where it goes on. */
export function accessSubject(release: Release, environment: string): Readonly<Record<string, string>> {
  return { ...resourcesOf(release, environment).access };
}

/** The connection to the account where awaited work goes on. */
export function connectionOf({ connection }: Place, { subject }: Pick<Wait, "subject">): Connection {
  return connectEnvironment(connection, accessOf(subject));
}
