import type { Behaviour, MigrationBehaviour } from "./behaviour.ts";
import type { Dice } from "./dice.ts";
import { type Addition, environments, withRules } from "./people.ts";
import type { Deed, FaultPlan, Plan, PlannedPush } from "./plan.ts";

/**
 * Makes a fifth of the worlds such that executions come to where they nearly never come: the state is needed there,
 * and what it asks for fails as often as it takes.
 */
export function drawRarities(plan: Plan, dice: Dice): Plan {
  if (!dice.chance(0.2)) return plan;
  const [name, rarity] = dice.of([...Object.entries(rarities), ...Object.entries(rarest)]) ?? [];
  return name === undefined || rarity === undefined ? plan : { ...rarity(plan, dice), theme: name };
}

/** Drawn twice as often as the others, because what they are about comes only now and then. */
const rarest: Readonly<Record<string, Addition>> = {
  "migrations that cannot be started": unstartedMigrations,
  "a turn that passes": passedTurn,
};

const rarities: Readonly<Record<string, Addition>> = {
  ...rarest,
  "somebody else at the target": busyTarget,
  "an end that cannot be recorded": endWithoutRecord,
  "a migration that cannot be stopped": unstoppedMigration,
  "checks that cannot be stopped": unstoppedChecks,
  "images that are built with trouble": troubledBuilds,
  "a calendar that cannot be read": unreadCalendar,
};

type Unlucky = NonNullable<FaultPlan["unlucky"]>;

/** The same world, in which a function has bad luck. */
function withBadLuck(plan: Plan, unlucky: Unlucky): Plan {
  const last = Math.max(...plan.pushes.map(({ at }) => at));
  return { ...plan, faults: { ...plan.faults, until: last + 1800, unlucky } };
}

/** Nothing of it can be asked from some push on, until that is over. */
function endWithoutRecord(plan: Plan, dice: Dice): Plan {
  const from = dice.of(plan.pushes)?.at ?? 0;
  const name = dice.one("RecordDeployment", "RecordDeployment", "ReleaseLease", "CompleteRelease");
  return withBadLuck(plan, { function: name, calls: 1, from, until: from + dice.one(900, 1500, 4000) });
}

/** ECS cannot place the task that migrates, that looks how that went, or that takes it back. */
function unstartedMigrations(plan: Plan, dice: Dice): Plan {
  const { setting } = plan;
  const pushes = pushesOf(plan, dice, (nth, history, before) => {
    const migration: MigrationBehaviour = {
      ...{ after: history.at(-1) ?? "", history, readableFrom: before.at(-1) ?? "", seconds: 5 },
      // Asked where the schema stands, migrated, and asked again or taken back.
      startFaultsAfter: nth === 0 ? 1 : dice.one(1, 2, 2),
      startFaults: dice.one(1, 1, 2, 6),
    };
    const ends = dice.one<Behaviour>(
      {
        migration: { ...migration, exitCode: 1, leaves: dice.one(history.at(-1) ?? "", before.at(-1) ?? "") },
      },
      { migration, healthStatus: 500 },
      { migration, healthStatus: 500 },
      { migration },
    );
    return nth === 0 ? { migration } : ends;
  });
  return { ...plan, pushes, setting: { ...setting, reverts: dice.chance(0.8) } };
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

/** A check fails before or after the release serves, and nobody can stop those that go on. */
function unstoppedChecks(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (nth, history, before) => {
    const failing = nth === 0 ? undefined : dice.one("static-analysis", "end-to-end");
    const stages = Object.fromEntries(
      ["static-analysis", "integration-tests", "end-to-end"].map((name) => [
        name,
        { seconds: name === failing ? 3 : dice.one(3, 60, 300), passes: name !== failing },
      ]),
    );
    return { stages, migration: { after: history.at(-1) ?? "", history, readableFrom: before.at(-1) ?? "" } };
  });
  const setting = { ...plan.setting, verifies: true };
  return withBadLuck({ ...plan, setting, pushes }, { function: "StopStages", calls: dice.one(0.5, 1, 1) });
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
  return withBadLuck({ ...plan, pushes, commits, deeds: [...plan.deeds, ...deeds] }, unlucky);
}

function unreadCalendar(plan: Plan, dice: Dice): Plan {
  const freeze = { fromMinute: dice.between(1, 40), minutes: dice.between(5, 30) };
  const ruled = withRules(plan, dice.one(...environments), { freeze });
  return withBadLuck(ruled, { function: "FindFreezes", calls: 0, invocations: 0.6 });
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
  const deeds = pushes.flatMap(({ at, service }) => {
    const environment = dice.one(...environments);
    return Array.from({ length: 12 }, (_, nth): Deed => {
      return { at: at + 10 + nth * 25 + dice.between(0, 20), does: "redeploy", service, environment };
    });
  });
  return { ...plan, pushes, deeds: [...plan.deeds, ...deeds] };
}

/** The line is stopped, or a freeze begins, just when somebody has his turn and somebody else goes back. */
function passedTurn(plan: Plan, dice: Dice): Plan {
  const environment = dice.one(...environments);
  const pushes = pushesOf(plan, dice, (_nth, history, before) => ({
    migration: { after: history.at(-1) ?? "", history, readableFrom: before.at(-1) ?? "" },
  }));
  const deeds = pushes.slice(1).flatMap(({ at, service }) =>
    Array.from({ length: 6 }, (_, nth): Deed[] => {
      const begins = at + 10 + nth * 30 + dice.between(0, 25);
      const who = "ada";
      return [
        { at: begins, does: "roll-back", service, environment },
        { at: begins + dice.one(0, 1, 2), does: "stop-the-line", service, environment, who, forSeconds: 60 },
      ];
    }).flat(),
  );
  const acting = { ...plan, pushes, deeds: [...plan.deeds, ...deeds] };
  return withBadLuck(acting, { function: "AcquireLease", calls: 0.3 });
}

/** Pushes of the first service with checks that pass quickly, and a schema for each. */
function pushesOf(
  { setting }: Plan,
  dice: Dice,
  behave: (nth: number, history: readonly string[], before: readonly string[]) => Behaviour,
): PlannedPush[] {
  const [service = "web"] = setting.services;
  let at = dice.between(0, 60);
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
