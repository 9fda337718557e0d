import * as z from "zod/mini";
import { connectBuilds } from "../aws/codebuild.ts";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectTasks } from "../aws/ecs.ts";
import { connectEnvironment } from "../aws/member.ts";
import type { Config } from "../core/config.ts";
import { migrationFamily, projectName } from "../core/names.ts";
import { describeOrphanTask, isOrphan, keysOfWork, mustBeTold, type RunningWork } from "../core/orphans.ts";
import type { EnvironmentRecord, Installation } from "../core/records.ts";
import { databaseOf, resourcesOf } from "../core/settings.ts";
import { buildImageStage } from "../core/stage.ts";
import { createHandler, type FunctionDefinition, type Place } from "./middleware.ts";
import { readEnvironments } from "./reading.ts";

/**
 * Each minute: looks for builds and migration tasks that go on although nobody waits for them, because the answer that
 * named them was lost and what they were for has ended. Such a build is stopped; it would only cost. Such a task is
 * told, once, and never stopped: it may be in the middle of a migration. What cannot be asked about one project or
 * environment holds up none of the others; it is thrown in the end.
 */
export const findOrphans: FunctionDefinition<
  z.ZodMiniUnknown,
  { readonly builds: number; readonly tasks: number }
> = {
  name: "FindOrphans",
  input: z.unknown(),
  async run(_event, place, tell) {
    const records = connectRecords(place.connection, place.environment.table);
    const installation = await records.installation();
    const failures: unknown[] = [];
    const attempt = (work: Promise<string[]>) =>
      work.catch((error: unknown): string[] => {
        failures.push(error);
        return [];
      });
    const warn = (warnings: readonly string[]) => tell({ counts: {}, warnings });
    const builds: string[] = [];
    for (const project of projectsOf(installation))
      builds.push(...(await attempt(stopOrphans(place, installation.resources.prefix, project, warn))));
    const tasks: string[] = [];
    for (const read of await readEnvironments(records, installation.config))
      tasks.push(
        ...(await attempt(read.then((environment) => noteOrphans(place, installation, environment, warn)))),
      );
    tell({ counts: { OrphanedBuilds: builds.length, OrphanedTasks: tasks.length }, warnings: [] });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
    return { builds: builds.length, tasks: tasks.length };
  },
};

export const handler = createHandler(findOrphans);

function projectsOf({ config, resources }: Installation): string[] {
  const stagesOf = ({ stages, build }: Config["services"][string]) => [
    ...Object.keys(stages),
    ...(build === undefined ? [] : [buildImageStage]),
  ];
  return Object.entries(config.services).flatMap(([service, settings]) =>
    stagesOf(settings).map((stage) => projectName(resources.prefix, service, stage)),
  );
}

/** Of what goes on, what nobody waits for. @param goesOn asked again: it may have ended while its wait was read. */
async function withoutAnybody<Work extends RunningWork>(
  { connection, environment }: Place,
  running: readonly Work[],
  goesOn: (work: Work) => Promise<boolean>,
): Promise<Work[]> {
  const records = connectRecords(connection, environment.table);
  const orphans: Work[] = [];
  const waits = await Promise.all(
    running.map((one) => Promise.all(keysOfWork(one.work).map((key) => records.wait(key)))),
  );
  for (const [nth, one] of running.entries()) {
    const known = waits[nth]?.filter((wait) => wait !== undefined) ?? [];
    if (isOrphan(one, known, connection.now()) && (await goesOn(one))) orphans.push(one);
  }
  return orphans;
}

/** Warns of each build that it stops. @returns what was stopped, in words. */
async function stopOrphans(
  place: Place,
  prefix: string,
  project: string,
  warn: (said: readonly string[]) => void,
): Promise<string[]> {
  const builds = connectBuilds(place.connection);
  // What a person started again, to see why it failed, has our variables too, and is that person's.
  const own = (await builds.running(project)).filter(({ initiator }) => initiator.startsWith(`${prefix}-`));
  const orphans = await withoutAnybody(place, own, ({ arn }) => builds.isRunning(arn));
  const stopped: string[] = [];
  for (const { arn, work } of orphans) {
    await builds.stop(arn);
    const said = `Stopped the build ${arn} (${work}): nobody waits for it.`;
    warn([said]);
    stopped.push(said);
  }
  return stopped;
}

/**
 * Notes them on the environment's record and warns of them, if they are others than before.
 * @returns the tasks, in words.
 */
async function noteOrphans(
  place: Place,
  installation: Installation,
  { service, environment, tasks: before = [] }: EnvironmentRecord,
  warn: (said: readonly string[]) => void,
): Promise<string[]> {
  const { migration, environments } = installation.config.services[service] ?? {};
  const settings = environments?.[environment];
  if (migration === undefined || settings === undefined || databaseOf(settings) === undefined) return [];
  const { access, cluster, migrationLogGroup } = resourcesOf(
    { id: "to come", service, installation },
    environment,
  );
  const tasks = connectTasks(connectEnvironment(place.connection, access));
  const running = await tasks.running(
    cluster,
    migrationFamily(installation.resources.prefix, service, environment),
  );
  const orphans = await withoutAnybody(place, running, ({ arn }) => tasks.isRunning(cluster, arn));
  const said = orphans
    .filter((task) => mustBeTold(task, place.connection.now()))
    .map((task) => describeOrphanTask(task, { cluster, logGroup: migrationLogGroup }))
    // ECS lists in any order; the same tasks are no news.
    .toSorted();
  const records = connectRecords(place.connection, place.environment.table);
  if (JSON.stringify(said) === JSON.stringify(before)) return said;
  // Before it is noted: if the function is ended in between, it is told twice and not never.
  warn(said);
  await records.noteTasks(service, environment, said.length === 0 ? undefined : said);
  return said;
}
