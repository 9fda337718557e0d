import type { Behaviour, MigrationBehaviour } from "./behaviour.ts";
import type { Dice } from "./dice.ts";
import { type Addition, environments, withRules } from "./people.ts";
import type { Deed, FaultPlan, Plan, PlannedPush } from "./plan.ts";

/**
 * Makes every fourth world such that executions come to where they nearly never come: the state is needed there, and
 * what it asks for fails as often as it takes. Each rarity has its turn, so that no run of seeds is without it.
 */
export function drawRarities(plan: Plan, dice: Dice): Plan {
  const all = Object.entries(rarities);
  const [name, rarity] = all[Math.floor(plan.seed / 4) % all.length] ?? [];
  if (plan.seed % 4 !== 0 || name === undefined || rarity === undefined) return plan;
  return { ...rarity(plan, dice), theme: name };
}

const rarities: Readonly<Record<string, Addition>> = {
  "an end that cannot be recorded": (plan, dice) => endWithout("RecordDeployment", plan, dice),
  "a lease that cannot be given back": (plan, dice) => endWithout("ReleaseLease", plan, dice),
  "a release that cannot be closed": (plan, dice) => endWithout("CompleteRelease", plan, dice),
  "migrations that cannot be started": unstartedMigrations,
  "ways back of a schema that cannot be started": unstartedReverts,
  "a migration that cannot be stopped": unstoppedMigration,
  "checks of a release that cannot be stopped": (plan, dice) =>
    unstoppedChecks("static-analysis", plan, dice),
  "checks of an environment that cannot be stopped": (plan, dice) =>
    unstoppedChecks("end-to-end", plan, dice),
  "checks of an environment that are begun with trouble": troubledChecks,
  "images that are built with trouble": troubledBuilds,
  "a calendar that cannot be read": unreadCalendar,
  "people who can hardly be asked": troubledApprovals,
  "people who can hardly cancel": troubledCancels,
  "somebody else at the target": busyTarget,
  "a turn that passes": passedTurn,
};

type Unlucky = NonNullable<FaultPlan["unlucky"]>;

/** The same world, in which a function has bad luck. */
export function withBadLuck(plan: Plan, unlucky: Unlucky): Plan {
  const last = Math.max(...plan.pushes.map(({ at }) => at));
  return { ...plan, faults: { ...plan.faults, until: last + 1800, unlucky } };
}

/** Nothing that a function asks for succeeds from some push on, until that is over. */
function endWithout(name: string, plan: Plan, dice: Dice): Plan {
  const from = dice.of(plan.pushes)?.at ?? 0;
  return withBadLuck(plan, { function: name, calls: 1, from, until: from + dice.one(900, 1500, 4000) });
}

/** ECS cannot place the task that migrates, or that looks how that went. */
function unstartedMigrations(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (nth, history, before) => {
    const common = migrationOf(history, before);
    const faults = { startFaultsAfter: dice.one(1, 2), startFaults: dice.one(1, 1, 2, 6) };
    const leaves = dice.one(history.at(-1), before.at(-1)) ?? "";
    // It is looked at where the schema stands, then migrated, and if that fails looked again.
    return {
      migration: {
        ...common,
        ...faults,
        ...(nth > 0 && faults.startFaultsAfter > 1 ? { exitCode: 1, leaves } : {}),
      },
    };
  });
  return { ...plan, pushes };
}

/** ECS cannot place the task that takes a migration back. */
function unstartedReverts(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (nth, history, before) => {
    const migration = migrationOf(history, before);
    const faults = { startFaultsAfter: 2, startFaults: dice.one(1, 1, 2, 6) };
    return nth === 0 ? { migration } : { migration: { ...migration, ...faults }, healthStatus: 500 };
  });
  return { ...plan, pushes, setting: { ...plan.setting, reverts: true } };
}

/** It takes longer than the config allows, and nobody can be told to end it. */
function unstoppedMigration(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (_nth, history, before) => ({
    migration: {
      after: history.at(-1) ?? "",
      history,
      readableFrom: before.at(-1) ?? "",
      seconds: dice.one(5, 400),
    },
  }));
  return withBadLuck({ ...plan, pushes }, { function: "StopMigration", calls: 0.7 });
}

/** A check fails, and nobody can stop those that go on. */
function unstoppedChecks(failing: string, plan: Plan, dice: Dice): Plan {
  const fails = dice.chance(0.5);
  const pushes = pushesOf(plan, dice, (nth, history, before) => {
    const isFailing = (name: string) => name === failing && (nth > 0 || fails);
    const names = ["static-analysis", "integration-tests", "end-to-end"];
    const stages = names.map((name) => [
      name,
      { seconds: isFailing(name) ? 3 : dice.one(3, 60, 300), passes: !isFailing(name) },
    ]);
    return { stages: Object.fromEntries(stages), migration: migrationOf(history, before) };
  });
  const setting = { ...plan.setting, verifies: true };
  return withBadLuck({ ...plan, setting, pushes }, { function: "StopStages", calls: dice.one(0.5, 1, 1, 1) });
}

/** CodeBuild loses the builds that verify an environment, and whoever begins them has bad luck. */
function troubledChecks(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (_nth, history, before) => ({
    stages: { "end-to-end": { seconds: dice.one(3, 60), faults: dice.one(1, 1, 2, 3) } },
    migration: migrationOf(history, before),
  }));
  const setting = { ...plan.setting, verifies: true };
  return withBadLuck({ ...plan, setting, pushes }, { function: "RunStage", calls: 0.2 });
}

/** Images are built of commits by a function that has bad luck, in a CodeBuild that loses some of the builds. */
function troubledBuilds(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (_nth, history) => ({
    migration: { after: history.at(-1) ?? "", history },
  }));
  const [last] = pushes.toReversed();
  const { service = "web", at = 0, behaviour = {} } = last ?? {};
  const commits = ["d", "e"].map((letter, nth) => {
    const stages = { "build-image": { seconds: 60, faults: dice.one(0, 1, 2) } };
    const { migration = {} } = behaviour;
    return {
      commit: letter.repeat(40),
      behaviour: { sequence: 50 + nth, startSeconds: 2, migration, stages },
    };
  });
  const deeds = commits.map(({ commit }, nth): Deed => {
    return { at: at + 400 * nth + dice.between(1, 300), does: "build", service, commit };
  });
  const unlucky = { function: "BuildImage", calls: dice.one(0.2, 0.5) };
  const planned = [...(plan.commits ?? []), ...commits];
  return withBadLuck({ ...plan, pushes, commits: planned, deeds: [...plan.deeds, ...deeds] }, unlucky);
}

function unreadCalendar(plan: Plan, dice: Dice): Plan {
  const freeze = { fromMinute: dice.between(1, 40), minutes: dice.between(5, 30) };
  const ruled = withRules(plan, dice.one(...environments), { freeze });
  return withBadLuck(ruled, { function: "FindFreezes", calls: 0, invocations: 0.6 });
}

function troubledApprovals(plan: Plan, dice: Dice): Plan {
  const answers = plan.pushes.flatMap(({ service, tag }): Deed[] => {
    const answer = { does: "answer", service, tag } as const;
    const no: Deed = { at: dice.one(1, 5, 20), ...answer, who: "ben", says: "reject" };
    const yes: Deed = { at: dice.one(1, 60, 600), ...answer, who: "ada", says: "approve" };
    return dice.chance(0.3) ? [no, yes] : [yes];
  });
  const ruled = withRules(plan, dice.one(...environments), { approvals: 1 });
  // Some people answer before the function hears that they were asked.
  const unheard = { calls: 0.8, faults: ["answered late"], operations: ["PutEvents"] };
  const unlucky = { function: "RequestApproval", ...(dice.chance(0.5) ? { calls: 0.3 } : unheard) };
  return withBadLuck({ ...ruled, deeds: [...plan.deeds, ...answers] }, unlucky);
}

function troubledCancels(plan: Plan, dice: Dice): Plan {
  const cancels = plan.pushes.map(({ at, service, tag }): Deed => {
    const cancel = { does: "cancel", service, tag, who: "ada", where: "console" } as const;
    return { at: at + dice.one(5, 40, 100, 200, 400), ...cancel };
  });
  return withBadLuck(
    { ...plan, deeds: [...plan.deeds, ...cancels] },
    { function: "CancelRelease", calls: 0.4 },
  );
}

/** Somebody has App Runner bring up anew what serves, again and again, while releases come. */
function busyTarget(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (nth, history, before) => ({
    startSeconds: dice.one(20, 40),
    migration: {
      after: history.at(-1) ?? "",
      history,
      readableFrom: before.at(-1) ?? "",
      seconds: dice.one(5, 60),
    },
    ...(nth > 0 && dice.chance(0.3) ? { healthStatus: 500 } : {}),
  }));
  const deeds = pushes.flatMap(({ at, service }) =>
    environments.flatMap((environment) =>
      Array.from({ length: 15 }, (_, nth): Deed => {
        const begins = Math.max(0, at - 40 + nth * 16 + dice.between(0, 16));
        return { at: begins, does: "redeploy", service, environment };
      }),
    ),
  );
  return { ...plan, pushes, deeds: [...plan.deeds, ...deeds] };
}

/** The line is stopped and goes on, again and again, while who has his turn hardly comes to the lease. */
function passedTurn(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (_nth, history, before) => ({
    migration: migrationOf(history, before),
  }));
  const deeds = pushes.slice(1).flatMap(({ at, service }) =>
    environments.flatMap((environment) =>
      Array.from({ length: 6 }, (_, nth): Deed => {
        const stop = { does: "stop-the-line", service, environment, who: "ada" } as const;
        return { at: at + 6 + nth * 27 + dice.between(0, 2), ...stop, forSeconds: 24 };
      }),
    ),
  );
  const faults = { ...plan.faults, events: 0 };
  const acting = { ...plan, pushes, faults, deeds: [...plan.deeds, ...deeds] };
  return withBadLuck(acting, { function: "AcquireLease", calls: 0.3, from: pushes[1]?.at ?? 0 });
}

/** A step that the code before can live with. */
export function migrationOf(history: readonly string[], before: readonly string[]): MigrationBehaviour {
  return { after: history.at(-1) ?? "", history, readableFrom: before.at(-1) ?? "", seconds: 5 };
}

/** Pushes of the first service with checks that pass quickly, and a schema for each. */
export function pushesOf(
  { setting }: Plan,
  dice: Dice,
  behave: (nth: number, history: readonly string[], before: readonly string[]) => Behaviour,
): PlannedPush[] {
  const [service = "web"] = setting.services;
  let at = Math.max(1, dice.between(0, 60));
  return Array.from({ length: dice.between(2, 4) }, (_, nth) => {
    const history = Array.from({ length: nth + 1 }, (_, index) => String(index + 1).padStart(4, "0"));
    const before = nth === 0 ? history : history.slice(0, -1);
    const tag = `a${String(nth + 1).padStart(6, "0")}`;
    const stages = Object.fromEntries(
      ["static-analysis", "integration-tests", "end-to-end"].map((stage) => [stage, { seconds: 5 }]),
    );
    const behaviour = { sequence: nth + 1, startSeconds: 2, stages, ...behave(nth, history, before) };
    const push = { at, service, tag, commit: tag, behaviour };
    at += dice.one(400, 700, 900);
    return push;
  });
}
