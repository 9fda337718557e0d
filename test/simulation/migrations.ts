import { type Clock, sleep } from "../../local/asl/index.ts";
import type { ContainerRequest, RunningContainer } from "../../local/containers.ts";
import type { Behaviours, MigrationBehaviour } from "./behaviour.ts";

/** Databases by URL: each stands at a schema revision, whoever migrated it. */
export function createMigrations(clock: Clock, behaviours: Behaviours) {
  const databases = new Map<string, string | null>();

  /** What a migration image does once its time is over. */
  function work(
    { command = [], environment, onLine }: ContainerRequest,
    migration: MigrationBehaviour,
  ): { exitCode: number } {
    const { exitCode = 0, downExitCode = 0, after = "0001" } = migration;
    const { silent = false, unreachable = false, prints = [] } = migration;
    const url = environment.DATABASE_URL ?? "";
    const before = databases.get(url) ?? null;
    if (unreachable) {
      for (const line of prints) onLine(line);
      onLine("MigrationError: connect ECONNREFUSED");
      return { exitCode: 1 };
    }
    const [verb = "up", , to = null] = command;
    const exit = verb === "status" ? 0 : verb === "down" ? downExitCode : exitCode;
    const failed = exit !== 0;
    const reached = verb === "up" ? after : verb === "down" ? to : before;
    const stands = failed ? ((verb === "up" ? migration.leaves : undefined) ?? before) : reached;
    databases.set(url, stands);
    if (failed) for (const line of prints) onLine(line);
    if (failed) onLine("MigrationError: relation links does not exist");
    if (!silent) onLine(JSON.stringify({ migration: { command: verb, before, after: stands } }));
    return { exitCode: exit };
  }

  return {
    run(request: ContainerRequest): RunningContainer {
      const { migration = {} } = behaviours.ofImage(request.image)?.behaviour ?? {};
      const stop = new AbortController();
      const exited = sleep(clock, (migration.seconds ?? 5) * 1000, stop.signal).then(
        () => work(request, migration),
        () => ({ exitCode: 143 }),
      );
      return { exited, stop: async () => stop.abort() };
    },
  };
}
