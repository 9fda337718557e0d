import { canRunOn } from "../../../core/migration.ts";
import { ofKind } from "../history.ts";
import { waitsForAPerson } from "../records.ts";
import type { Ended, Invariant } from "./all.ts";
import { changesOf, describeChange } from "./changes.ts";
import { urlsOf } from "./live.ts";
import { forcedAt } from "./words.ts";

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

/** When every world begins (milliseconds since the epoch): records tell the time of its clock. */
const worldBegins = Date.UTC(2026, 0, 1);

/** `web/production`, from the URL of its database. */
function placeOf(database: string): string | undefined {
  return /(\w+\/(?:staging|production))\/database/.exec(database)?.[1];
}

/** Where each database stands, by place. */
function schemasOf(history: Ended["history"]): Map<string, string | null> {
  const schemas = new Map<string, string | null>();
  for (const { phase, database, schema } of ofKind(history, "migration")) {
    const place = placeOf(database);
    if (phase === "ended" && place !== undefined) schemas.set(place, schema);
  }
  return schemas;
}

/** What is on record as the schema of what is live is where the database stands, unless a person has to look there. */
export const migrationsAreRecorded: Invariant = ({ plan, history, records }) => {
  const schemas = schemasOf(history);
  return records.environments.flatMap(({ service, environment, live, frozen }) => {
    const place = `${service}/${environment}`;
    if (live === undefined || frozen !== undefined || !schemas.has(place)) return [];
    if (live.schema === undefined && mayBeInDoubt(plan, service)) return [];
    const stands = schemas.get(place);
    return stands === live.schema
      ? []
      : [`${place} has schema ${live.schema} on record, but its database stands at ${stands}`];
  });
};

/**
 * Whether a migration image may say nothing, or too late, or not be started, or fail on its way back, so that nobody
 * can know where the schema stands.
 */
function mayBeInDoubt(plan: Ended["plan"], service: string): boolean {
  const fails = migrationsOf(plan, service).some(({ downExitCode }) => downExitCode !== undefined);
  return fails || mayBeSilent(plan, service);
}

/** Whether a migration image that is asked how the schema stands may say nothing, or too late, or not be started. */
function mayBeSilent(plan: Ended["plan"], service: string): boolean {
  return migrationsOf(plan, service).some(
    ({ silent, unreachable, startFaults, reportsAfterSeconds }) =>
      silent === true ||
      unreachable === true ||
      startFaults !== undefined ||
      reportsAfterSeconds !== undefined,
  );
}

function migrationsOf({ pushes }: Ended["plan"], service: string) {
  return pushes.flatMap(({ service: of, behaviour: { migration } }) =>
    of === service && migration !== undefined ? [migration] : [],
  );
}

/** What a migration failed for is not brought by the execution that ran it. */
export const failedMigrationsBringNothing: Invariant = ({ history }) => {
  const changes = changesOf(history);
  const failed = changes.filter(({ by, exitCode = 0 }) => by === "MigrateDatabase" && exitCode !== 0);
  return failed.flatMap((migration) =>
    changes
      .filter(
        ({ by, execution, from }) =>
          by === "StartDeployment" && execution === migration.execution && from > migration.from,
      )
      .map((change) => `${describeChange(change)}, although its migration exited with ${migration.exitCode}`),
  );
};

/**
 * A migration never takes a schema to where the released code that serves there could not read it, by the labels,
 * unless a person forced that.
 */
export const schemaLocksNobodyOut: Invariant = ({ history, records }) => {
  const forced = forcedAt(history);
  const migrations = changesOf(history).filter(({ kind }) => kind === "migration");
  const isForced = (place: string, at: number) => {
    const own = migrations.findLast(
      ({ service, environment, from }) => `${service}/${environment}` === place && from <= at,
    );
    return forced(own?.execution) !== undefined;
  };
  const places = new Map([...urlsOf(history)].map(([place, url]) => [url, place]));
  const serving = new Map<string, string>();
  return history.flatMap((effect) => {
    const place = effect.kind === "serves" ? places.get(effect.url) : undefined;
    if (effect.kind === "serves" && place !== undefined) serving.set(place, effect.image ?? "");
    if (effect.kind !== "migration" || effect.phase !== "ended" || effect.verb !== "up") return [];
    const at = placeOf(effect.database) ?? "";
    const wasReleased = records.deployments.some(
      ({ service, environment, outcome, endedAt = 0 }) =>
        `${service}/${environment}` === at && outcome === "Released" && endedAt - worldBegins <= effect.at,
    );
    const readable = canRead(history, serving.get(at), effect.schema);
    return wasReleased && readable === false && !isForced(at, effect.at)
      ? [`${at} came to schema ${effect.schema} at ${effect.at / 1000} s, while ${serving.get(at)} served`]
      : [];
  });
};

/**
 * The code that serves can read the schema of its database, by the labels, unless a person has to look there, or went
 * back where no migration image would say how the schema stands.
 */
export const schemaIsSupported: Invariant = ({ plan, history, records }) => {
  const schemas = schemasOf(history);
  const urls = urlsOf(history);
  return records.environments.flatMap((record) => {
    const place = `${record.service}/${record.environment}`;
    const stands = schemas.get(place);
    const image = ofKind(history, "serves").findLast(({ url }) => url === urls.get(place))?.image;
    if (waitsForAPerson(record, records) || canRead(history, image, stands) !== false) return [];
    if (record.live?.schema === undefined && mayBeSilent(plan, record.service)) return [];
    return [`${place} runs ${image} on schema ${stands}`];
  });
};

/**
 * Whether the code of an image can run on a schema of its service. Several images may bring a schema there with labels
 * of their own: it cannot only if none of them says that it can.
 */
function canRead(
  history: Ended["history"],
  image: string | undefined,
  schema: string | null | undefined,
): false | undefined {
  const pushes = ofKind(history, "push");
  const serving = pushes.find(({ digest }) => image?.endsWith(digest) === true)?.push;
  const code = serving?.behaviour.migration?.after;
  if (schema === undefined || schema === null || code === undefined) return undefined;
  const said = pushes.flatMap(({ push: { service, behaviour } }) => {
    const { after, history: revisions = [], readableFrom } = behaviour.migration ?? {};
    return service === serving?.service && after === schema
      ? [canRunOn(code, { revision: schema, history: revisions, readableFrom })]
      : [];
  });
  return said.length > 0 && said.every((one) => one === false) ? false : undefined;
}
