import type { Dice } from "./dice.ts";
import type { Deed, Environment, Plan, PlannedPush, Rules } from "./plan.ts";

/** Something that people have to do with a world, whatever else happens in it. It adds to a plan and takes nothing away. */
export type Addition = (plan: Plan, dice: Dice) => Plan;

/** Has people approve, freeze, stop, cancel and watch in a third of the worlds. */
export function drawPeople(plan: Plan, dice: Dice): Plan {
  if (!dice.chance(0.35)) return plan;
  const first = dice.of(additions);
  const second = dice.chance(0.25) ? dice.of(additions) : undefined;
  const [one, other] = [first?.(plan, dice) ?? plan, second === first ? undefined : second];
  return other?.(one, dice) ?? one;
}

const additions: readonly Addition[] = [
  approvals,
  approvals,
  freezes,
  stoppedLines,
  cancellations,
  bakes,
  commits,
  slowness,
];

export const everybody = ["ada", "ben", "cem", "dua"] as const;
export const environments: readonly [Environment, ...Environment[]] = ["staging", "production"];

/** One or two people have to approve; some do, some say no, some forget it, and some made it themselves. */
function approvals(plan: Plan, dice: Dice): Plan {
  const environment = dice.one("production", "production", "staging");
  const pushes = plan.pushes.map((push) => {
    const author = dice.one(...everybody, undefined);
    return author === undefined ? push : { ...push, behaviour: { ...push.behaviour, author } };
  });
  const answers = pushes.flatMap(({ service, tag, behaviour: { author } }) =>
    Array.from({ length: dice.one(0, 1, 2, 3, 3, 4) }, (): Deed => {
      const who = author !== undefined && dice.chance(0.2) ? author : dice.one(...everybody);
      const says = dice.chance(0.1) ? "reject" : "approve";
      return { at: dice.one(1, 30, 300, 1500, 3590, 4000), does: "answer", service, tag, who, says };
    }),
  );
  const patience =
    dice.chance(0.2) && plan.setting.patience === undefined
      ? { approvalSeconds: dice.one(600, 1800), turnSeconds: 3600 }
      : plan.setting.patience;
  const ruled = withRules(plan, environment, { approvals: dice.one(1, 1, 2) });
  const setting = { ...ruled.setting, ...(patience && { patience }) };
  return { ...ruled, setting, pushes, deeds: [...plan.deeds, ...answers] };
}

/** A window in which nothing comes, and people for whom something cannot wait. */
function freezes(plan: Plan, dice: Dice): Plan {
  const environment = dice.one(...environments);
  const freeze = { fromMinute: dice.between(1, 40), minutes: dice.between(5, 60) };
  const urgent = plan.pushes
    .filter(() => dice.chance(0.3))
    .map(({ at, service, tag }): Deed => {
      const who = dice.one(...everybody);
      return { at: at + dice.between(60, 1800), does: "override-freeze", service, tag, environment, who };
    });
  const ruled = withRules(plan, environment, { freeze });
  const patience = dice.chance(0.3)
    ? { approvalSeconds: 3600, turnSeconds: dice.one(600, 1200) }
    : plan.setting.patience;
  const setting = { ...ruled.setting, ...(patience && { patience }) };
  return { ...ruled, setting, deeds: [...plan.deeds, ...urgent] };
}

function stoppedLines(plan: Plan, dice: Dice): Plan {
  const stops = Array.from({ length: dice.one(1, 1, 2) }, (): Deed => {
    const push = dice.of(plan.pushes);
    const [at, forSeconds] = [(push?.at ?? 0) + dice.between(1, 900), dice.one(30, 600, 2400)];
    const [who, environment] = [dice.one(...everybody), dice.one(...environments)];
    return { at, does: "stop-the-line", service: push?.service ?? "web", environment, who, forSeconds };
  });
  return { ...plan, deeds: [...plan.deeds, ...stops] };
}

/** People who cancel, at any point, and sometimes what is over. */
function cancellations(plan: Plan, dice: Dice): Plan {
  const cancels = plan.pushes
    .filter(() => dice.chance(0.5))
    .map(({ at, service, tag }): Deed => {
      const where = dice.one("door", "console");
      const who = dice.one(...everybody);
      return { at: at + dice.one(5, 40, 100, 200, 400, 900, 4000), does: "cancel", service, tag, who, where };
    });
  const lifted: Deed[] = dice.chance(0.2)
    ? [{ at: 3000, does: "lift-hold", service: "web", environment: dice.one(...environments), who: "ada" }]
    : [];
  return { ...plan, deeds: [...plan.deeds, ...cancels, ...lifted] };
}

/** Releases that are watched once they serve, with many users, few or none, of whom some are unhappy. */
function bakes(plan: Plan, dice: Dice): Plan {
  const environment = dice.one(...environments);
  // So long that whoever asks for the lease again and again, instead of waiting for a turn, gives up.
  if (dice.chance(0.2)) return withRules(plan, environment, { bake: { minutes: 90, intervalSeconds: 900 } });
  const rate = dice.chance(0.7) ? { errorPercent: 5, minimumRequests: dice.one(50, 1000) } : {};
  const whenInconclusive = dice.one("hold", "rollBack");
  const bake = { minutes: dice.between(2, 9), intervalSeconds: dice.one(30, 60), ...rate, whenInconclusive };
  const pushes = plan.pushes.map((push): PlannedPush => {
    const perMinute = dice.one(0, 3, 60, 60, 60);
    const failing = dice.chance(0.25) ? Math.ceil(perMinute / 3) : 0;
    const users = perMinute === 0 ? {} : { users: { perMinute, failing } };
    return { ...push, behaviour: { ...push.behaviour, ...users } };
  });
  return { ...withRules(plan, environment, { bake }), pushes };
}

/** Commits that have no image yet; builds of which some fail, some are CodeBuild's fault, and some push nothing. */
function commits(plan: Plan, dice: Dice): Plan {
  const last = plan.pushes.at(-1);
  const service = plan.setting.services[0] ?? "web";
  const planned = Array.from({ length: dice.one(1, 1, 2) }, (_, nth) => {
    // All 40 digits: nothing is built of fewer.
    const commit = `c${String(nth + 1).padStart(11, "0")}`.padEnd(40, "0");
    const stage = () => ({ seconds: dice.one(3, 20, 120), passes: !dice.chance(0.1), ...faults(dice) });
    const stages = Object.fromEntries(
      ["static-analysis", "integration-tests", "end-to-end", "build-image"].map((name) => [name, stage()]),
    );
    const { migration = {} } = last?.behaviour ?? {};
    const behaviour = { sequence: 50 + nth, migration, stages, startSeconds: 2, pushes: !dice.chance(0.1) };
    return { commit, behaviour };
  });
  const builds = planned.flatMap(({ commit }): Deed[] => {
    const build: Deed = { at: (last?.at ?? 0) + dice.between(1, 900), does: "build", service, commit };
    return dice.chance(0.2) ? [build, { ...build, at: build.at + dice.one(0, 60) }] : [build];
  });
  return { ...plan, commits: planned, deeds: [...plan.deeds, ...builds] };
}

/** Migrations whose report or image comes late, whose tasks cannot be started, that hang; builds that CodeBuild loses. */
function slowness(plan: Plan, dice: Dice): Plan {
  const pushes = plan.pushes.map((push): PlannedPush => {
    const { behaviour } = push;
    const migration = {
      ...behaviour.migration,
      ...(dice.chance(0.3) ? { reportsAfterSeconds: dice.one(2, 20, 200) } : {}),
      ...(dice.chance(0.3) ? { startFaults: dice.one(1, 2, 3, 8) } : {}),
      ...(dice.chance(0.3) ? { pushedAfterSeconds: dice.one(5, 100, 400) } : {}),
      ...(dice.chance(0.2) ? { seconds: 400 } : {}),
    };
    const stages = Object.fromEntries(
      Object.entries(behaviour.stages ?? {}).map(([name, stage]) => [name, { ...stage, ...faults(dice) }]),
    );
    return { ...push, behaviour: { ...behaviour, migration, stages } };
  });
  return { ...plan, pushes };
}

function faults(dice: Dice): { faults?: number } {
  return dice.chance(0.25) ? { faults: dice.one(1, 1, 2, 3) } : {};
}

/** A plan in which an environment demands this besides. */
export function withRules(plan: Plan, environment: Environment, rules: Rules): Plan {
  const { rules: others = {} } = plan.setting;
  const both = { ...others, [environment]: { ...others[environment], ...rules } };
  return { ...plan, setting: { ...plan.setting, rules: both } };
}
