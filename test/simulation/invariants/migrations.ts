import { canRunOn } from "../../../core/migration.ts";
import { ofKind } from "../history.ts";
import { waitsForAPerson } from "../records.ts";
import type { Ended, Invariant } from "./all.ts";
import { urlsOf } from "./live.ts";

/** In one database one migration runs at a time; asking where it stands disturbs nobody. */
export const oneMigrationAtOnce: Invariant = ({ history }) => {
  const running = new Map<string, number>();
  return ofKind(history, "migration").flatMap(({ phase, verb, database, at }) => {
    if (verb === "status") return [];
    const now = (running.get(database) ?? 0) + (phase === "begun" ? 1 : -1);
    running.set(database, now);
    return now > 1 ? [`${now} migrations ran at once in ${database} at ${at / 1000} s`] : [];
  });
};

/** Where each database stands, by place. */
function schemasOf(history: Ended["history"]): Map<string, string | null> {
  const schemas = new Map<string, string | null>();
  for (const { phase, database, schema } of ofKind(history, "migration")) {
    const place = /(\w+\/(?:staging|production))\/database/.exec(database)?.[1];
    if (phase === "ended" && place !== undefined) schemas.set(place, schema);
  }
  return schemas;
}

/** What is on record as the schema of what is live is where the database stands, unless a person has to look there. */
export const migrationsAreRecorded: Invariant = ({ history, records }) => {
  const schemas = schemasOf(history);
  return records.environments.flatMap(({ service, environment, live, frozen }) => {
    const place = `${service}/${environment}`;
    if (live?.schema === undefined || frozen !== undefined || !schemas.has(place)) return [];
    const stands = schemas.get(place);
    return stands === live.schema
      ? []
      : [`${place} has schema ${live.schema} on record, but its database stands at ${stands}`];
  });
};

/** The code that serves can read the schema of its database, by the labels, unless a person has to look there. */
export const schemaIsSupported: Invariant = ({ history, records }) => {
  const schemas = schemasOf(history);
  const urls = urlsOf(history);
  const pushes = ofKind(history, "push");
  const bySequence = pushes.toSorted(
    (one, other) => (one.push.behaviour.sequence ?? 0) - (other.push.behaviour.sequence ?? 0),
  );
  return records.environments.flatMap((record) => {
    const place = `${record.service}/${record.environment}`;
    const stands = schemas.get(place);
    const image = ofKind(history, "serves").findLast(({ url }) => url === urls.get(place))?.image;
    const code = pushes.find(({ digest }) => image?.endsWith(digest) === true)?.push.behaviour.migration
      ?.after;
    if (waitsForAPerson(record, records)) return [];
    if (stands === undefined || stands === null || code === undefined) return [];
    // The labels of the build that introduced the schema; those after it have nothing to migrate.
    const labels = bySequence.find(
      ({ push }) => push.service === record.service && push.behaviour.migration?.after === stands,
    )?.push.behaviour.migration;
    const readable = canRunOn(code, {
      revision: stands,
      history: labels?.history ?? [],
      readableFrom: labels?.readableFrom,
    });
    return readable === false ? [`${place} runs code of schema ${code} on schema ${stands}`] : [];
  });
};
