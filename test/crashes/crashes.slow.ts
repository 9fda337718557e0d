import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Command } from "../cli/command.ts";
import { familyOf, leftOf, type SeenProcess } from "../cli/processes.ts";
import { createInstallation, type Installation, until } from "./installation.ts";

// One installation of real processes, killed with SIGKILL wherever a release can be: parts of it before anything is
// live, the whole of it in each phase, and parts again. After each there is a named end, and everything is as it says.

let folder: string;
let here: Installation;
let running: Command | undefined;
const ran: SeenProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-crashes-"));
  here = await createInstallation(folder);
});
afterAll(async () => {
  try {
    process.kill(-command().id, "SIGKILL");
  } catch {
    // As it should be: it has ended.
  }
  await command().ended;
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const isService = ({ text }: SeenProcess) =>
  text.includes("SPILLWAY_ENVIRONMENT=production\0") && text.includes("src/main.ts");
const isMigration = ({ text }: SeenProcess) => /migrate\/main\.ts\0(?!status)/.test(text);
const isBuild = ({ text }: SeenProcess) => text.includes("SPILLWAY_BUILD=check\0");

/** One process of a kind, once there is one. */
const oneOf = (what: string, is: (seen: SeenProcess) => boolean) =>
  until(what, async () => (await here.find(is))[0]);

function command(): Command {
  if (running === undefined) throw new Error("Nothing was started yet.");
  return running;
}

/** `kill -9`; what ended by itself meanwhile, or with its parent, is dead as well. */
function kill(id: number): void {
  try {
    process.kill(id, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** `kill -9` of the local AWS, and nothing else: what it had started must be ended by what it left for that. */
async function killAll(): Promise<void> {
  ran.push(...(await familyOf(command().id)));
  command().kill();
  expect(await command().ended).toBe("SIGKILL");
}

/**
 * The same, while the function of a state is at work. What goes on where it was may be past that when there is a
 * process to be held: then there is another release.
 */
async function killAllIn(state: string): Promise<void> {
  running = here.start();
  await here.hold(state);
  const missed = command()
    .line(/It stays up/)
    .then(
      () => here.release(),
      () => undefined,
    );
  await here.begun(state);
  await killAll();
  await missed;
}

async function restart(...words: string[]): Promise<void> {
  running = here.start(...words);
  await command().line(/local AWS at/);
}

const environment = async () => (await here.records()).environment("web", "production");

/** Holds a release that has ended to what must be true after any crash. */
async function expectSettled(id: string, outcome: string): Promise<void> {
  const records = await here.records();
  const release = await until(`end of ${id} on record`, async () => {
    const found = await records.release(id);
    return found?.endedAt === undefined ? undefined : found;
  });
  expect(release.outcome, release.reason).toBe(outcome);
  expect(release.reason?.length).toBeGreaterThan(3);
  const deployments = await records.deployments(id);
  for (const deployment of deployments) {
    expect(deployment.endedAt, deployment.environment).toBeDefined();
    expect(deployment.outcome).toBeDefined();
    expect(deployment.reason?.length).toBeGreaterThan(3);
  }
  expect(await records.openReleases()).toEqual([]);
  expect(await records.openDeployments()).toEqual([]);
  const { lease, next, freed, frozen, live } = await environment();
  expect([lease, next, frozen]).toEqual([undefined, undefined, undefined]);
  if (deployments.length > 0) expect(freed?.reason.length).toBeGreaterThan(3);
  if (live !== undefined) await expectServing(live.commit);
  expect(await here.find(isService)).toHaveLength(live === undefined ? 0 : 1);
  expect(await here.find((seen) => isBuild(seen) || isMigration(seen))).toEqual([]);
}

/** What is on record as live answers at the address that the report names. */
async function expectServing(commit: string | undefined): Promise<void> {
  const [, url = ""] = /url +(http:\S+)/.exec(command().lines.join("\n")) ?? [];
  const health = await until("healthy answer", async () => {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    return answer?.status === 200 ? answer.json() : undefined;
  });
  expect(health).toMatchObject({ commit });
}

describe("before anything is live", () => {
  it("a build that is killed with all that it started rejects the release, and nothing was touched", async () => {
    await restart("--fresh");
    await oneOf("build", isBuild);
    for (const { id } of await here.find(isBuild)) kill(id);
    await command().line(/It stays up/);
    const [release = ""] = /web-[0-9a-f]{12}-1/.exec(command().lines.join("\n")) ?? [];
    await expectSettled(release, "Rejected");
    const records = await here.records();
    expect((await records.requireRelease(release)).reason).toMatch(/exit status 137/);
    expect(await records.deployments(release)).toEqual([]);
    await writeFile(here.gate, "");
  });

  it("a migration that is killed in its up leaves the schema as it was, and that is looked at; its function dies as well", async () => {
    const unlock = await here.lockMigrations();
    await here.warm(["MigrateDatabase"]);
    const held = await here.hold("MigrateDatabase");
    const execution = await here.release();
    await here.begun("MigrateDatabase");
    kill(held);
    const { id } = await oneOf("migration", isMigration);
    kill(id);
    const { release } = await here.end(execution);
    await unlock();
    await expectSettled(release, "RolledBack");
    expect(await here.deaths("MigrateDatabase")).toBe(1);
    expect((await environment()).live).toBeUndefined();
  });
});

describe("the local AWS, killed", () => {
  it("goes on from each phase of a release to its end, and serves again after that", async () => {
    await rm(here.gate);
    await here.release();
    await oneOf("build", isBuild);
    await killAll();

    await restart();
    const unlock = await here.lockMigrations();
    await writeFile(here.gate, "");
    await oneOf("migration", isMigration);
    await killAll();
    await unlock();

    for (const state of ["StartDeployment", "CheckHealth", "RecordDeployment"]) await killAllIn(state);

    await restart();
    await command().line(/It stays up/);
    const { live } = await environment();
    expect(live?.release).toMatch(/-[3-6]$/);
    await expectSettled(live?.release ?? "", "Released");

    await killAll();
    await restart();
    await command().line(/live already; nothing to release/);
    await command().line(/It stays up/);
    await expectSettled(live?.release ?? "", "Released");
    expect((await environment()).live).toEqual(live);
  });
});

describe("while something is live", () => {
  it("a function that is killed in any state is tried again", async () => {
    const states = [
      ...["AdmitRelease", "RunStage", "GateRelease", "AdmitDeployment", "AwaitTurn", "AcquireLease"],
      ...["ConfirmStillWanted", "PrepareDeployment", "CheckDatabase", "ReadSchema", "StartDeployment"],
      ...["CheckHealth", "RecordDeployment", "ReleaseLease", "CompleteRelease"],
    ];
    await here.warm(states);
    const held = new Map<string, number>();
    const before = new Map<string, number>();
    for (const state of states) {
      before.set(state, await here.deaths(state));
      held.set(state, await here.hold(state));
    }
    const execution = await here.release();
    for (const state of states) {
      await here.begun(state);
      kill(held.get(state) ?? 0);
    }
    const { status, release } = await here.end(execution);
    expect(status).toBe("SUCCEEDED");
    await expectSettled(release, "Released");
    for (const state of states) expect(await here.deaths(state), state).toBe((before.get(state) ?? 0) + 1);
  });

  it("a service that is killed while its health is judged, and one that serves, are replaced", async () => {
    const check = await here.hold("CheckHealth");
    const execution = await here.release();
    await here.begun("CheckHealth");
    const judged = await until("service alone", async () => {
      const found = await here.find(isService);
      return found.length === 1 ? found[0] : undefined;
    });
    kill(judged.id);
    await oneOf("other service", (seen) => isService(seen) && seen.id !== judged.id);
    process.kill(check, "SIGCONT");
    const { release } = await here.end(execution);
    await expectSettled(release, "Released");

    const live = await oneOf("service", isService);
    kill(live.id);
    await oneOf("other service", (seen) => isService(seen) && seen.id !== live.id);
    await expectSettled(release, "Released");
  });

  /** Kills every instance of what is deployed while it starts, until its deployment is on its way back. */
  async function killWhatStarts(): Promise<void> {
    const old = await oneOf("service", isService);
    let goesBack = false;
    const begun = here.begun("RollBack").finally(() => {
      goesBack = true;
    });
    const killed = until("way back", async () => {
      for (const { id } of await here.find((seen) => isService(seen) && seen.id !== old.id)) kill(id);
      return goesBack;
    });
    await Promise.all([begun, killed]);
  }

  it("a service whose every instance is killed while it starts is rolled back, whose function is killed, too, and what was live serves on", async () => {
    const { live } = await environment();
    const old = await oneOf("service", isService);
    const deaths = await here.deaths("RollBack");
    const held = await here.hold("RollBack");
    const execution = await here.release();
    await killWhatStarts();
    kill(held);
    const { release } = await here.end(execution);
    await expectSettled(release, "RolledBack");
    expect((await oneOf("service", isService)).id).toBe(old.id);
    expect((await environment()).live).toEqual(live);
    expect(await here.deaths("RollBack")).toBe(deaths + 1);
  });

  it("the local AWS that is killed on the way back goes on with that", async () => {
    const { live } = await environment();
    await here.hold("RollBack");
    // It was found ill a moment ago.
    const execution = await here.release({ force: true, reason: "what killed it is gone" });
    await killWhatStarts();
    await killAll();
    await restart();
    await command().line(/It stays up/);
    const { release } = await here.end(execution);
    await expectSettled(release, "RolledBack");
    expect((await environment()).live).toEqual(live);
  });

  it("ends by a signal of its own with nothing left, of all that ran before, either", async () => {
    ran.push(...(await familyOf(command().id)));
    command().interrupt();
    expect(await command().ended).toBe(0);
    await expect.poll(() => leftOf(ran, folder), { timeout: 30_000, interval: 100 }).toEqual([]);
    expect((await readdir(join(folder, "state"))).filter((name) => name.startsWith("lock"))).toEqual([]);
  });
});
