import { type Clock, sleep } from "../../local/asl/index.ts";
import type { ContainerRequest, RunningContainer } from "../../local/containers.ts";
import type { Behaviours, MigrationBehaviour } from "./behaviour.ts";
import type { Seams } from "./seams.ts";

/** Databases by URL: each stands at a schema revision, whoever migrated it. */
export function createMigrations(clock: Clock, behaviours: Behaviours, effect: Seams["effect"]) {
  const databases = new Map<string, string | null>();
  const starts = new Map<string, number>();

  /** What a migration image does once its time is over. */
  function work(
    { command = [], environment, onLine }: ContainerRequest,
    migration: MigrationBehaviour,
  ): { exitCode: number } {
    const { exitCode = 0, downExitCode = 0, after = "0001" } = migration;
    const { silent = false, unreachable = false, prints = [], reportsAfterSeconds = 0 } = migration;
    const url = environment.DATABASE_URL ?? "";
    const before = databases.get(url) ?? null;
    if (unreachable) {
      for (const line of prints) onLine(line);
      onLine("MigrationError: connect ECONNREFUSED");
      return { exitCode: 1 };
    }
    const [verb = "up", , to = null] = command;
    // A database that is further than the image knows: nothing is touched, as any migration tool has it.
    const isUnknown = before !== null && migration.history?.includes(before) === false;
    const exit = verb === "status" ? 0 : isUnknown ? 1 : verb === "down" ? downExitCode : exitCode;
    const failed = exit !== 0;
    const reached = verb === "up" ? after : verb === "down" ? to : before;
    const left = verb === "up" && !isUnknown ? migration.leaves : undefined;
    const stands = failed ? (left ?? before) : reached;
    databases.set(url, stands);
    if (failed) for (const line of prints) onLine(line);
    if (failed) onLine("MigrationError: relation links does not exist");
    const report = JSON.stringify({ migration: { command: verb, before, after: stands } });
    if (reportsAfterSeconds > 0) clock.after(reportsAfterSeconds * 1000, () => onLine(report));
    else if (!silent) onLine(report);
    return { exitCode: exit };
  }

  return {
    run(request: ContainerRequest): RunningContainer {
      const { migration = {} } = behaviours.ofImage(request.image)?.behaviour ?? {};
      const { image, command: [verb = "up"] = [], environment } = request;
      const database = environment.DATABASE_URL ?? "";
      const { startFaults = 0, startFaultsAfter = 0 } = migration;
      const key = `${image} ${database}`;
      const nth = starts.get(key) ?? 0;
      starts.set(key, nth + 1);
      if (nth >= startFaultsAfter && nth < startFaultsAfter + startFaults)
        throw new Error("CannotPullContainerError: the registry did not answer");
      const tell = (phase: "begun" | "ended") => {
        const schema = databases.get(database) ?? null;
        effect?.({ kind: "migration", phase, verb, image, database, schema });
      };
      const stop = new AbortController();
      tell("begun");
      const exited = sleep(clock, (migration.seconds ?? 5) * 1000, stop.signal)
        .then(
          () => work(request, migration),
          () => ({ exitCode: 143 }),
        )
        .finally(() => tell("ended"));
      return { exited, stop: async () => stop.abort() };
    },
  };
}
