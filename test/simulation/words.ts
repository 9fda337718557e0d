import type { Dice } from "./dice.ts";
import { type Addition, environments, everybody, withRules } from "./people.ts";
import type { AlarmChange, Deed, Plan, PlannedPush } from "./plan.ts";

/** Has people insist, resume and redrive, alarms ring and executions time out in a quarter of the worlds. */
export function drawWords(plan: Plan, dice: Dice): Plan {
  if (!dice.chance(0.25)) return plan;
  const first = dice.of(additions);
  const second = dice.chance(0.25) ? dice.of(additions) : undefined;
  const one = first?.(plan, dice) ?? plan;
  return second === undefined || second === first ? one : second(one, dice);
}

const additions: readonly Addition[] = [
  insistence,
  insistence,
  resumptions,
  redrives,
  alarms,
  alarms,
  timeLimits,
];

/**
 * Images that are ill until somebody puts their secret right, or that the code before could not live with; and people
 * who have them come all the same, by force or because they lift the quarantine, sooner or later than that is wise.
 */
function insistence(plan: Plan, dice: Dice): Plan {
  const pushes = plan.pushes.map((push, nth): PlannedPush => {
    const { behaviour, at } = push;
    const { migration = {} } = behaviour;
    const head = migration.after ?? "0001";
    const isShut = nth > 0 && dice.chance(0.25);
    const isIll = nth > 0 && dice.chance(0.6);
    return {
      ...push,
      behaviour: {
        ...behaviour,
        migration: isShut ? { ...migration, readableFrom: head } : migration,
        ...(isIll ? { wellFrom: (at + dice.one(300, 900, 1800)) * 1000 } : {}),
      },
    };
  });
  const words = pushes.flatMap(({ service, tag, at }): Deed[] => {
    const first = at + dice.one(60, 400, 600, 1000, 2000);
    const again: Deed = { at: first, does: "release", service, tag };
    const forced: Deed = { ...again, at: again.at + dice.one(0, 5, 300, 900), force: true };
    const who = dice.one(...everybody);
    const lifted: Deed = { at: first + dice.between(1, 200), does: "lift-quarantine", service, tag, who };
    const anew: Deed = { ...again, at: lifted.at + dice.one(1, 200) };
    const environment = "production";
    const promoted: Deed = { at: forced.at, does: "promote", service, environment, force: true };
    return dice.one(
      [],
      [forced],
      [again, forced],
      [forced, forced],
      [lifted, anew],
      [again, lifted],
      [promoted],
    );
  });
  const freeze = { fromMinute: dice.between(5, 30), minutes: dice.between(20, 60) };
  const ruled = dice.chance(0.3) ? withRules(plan, dice.one(...environments), { freeze }) : plan;
  return { ...ruled, pushes, deeds: [...plan.deeds, ...words] };
}

/** Checks that fail once or twice and pass then, and people who have releases go on from where they ended. */
function resumptions(plan: Plan, dice: Dice): Plan {
  const pushes = plan.pushes.map((push): PlannedPush => {
    if (!dice.chance(0.6)) return push;
    const { stages = {} } = push.behaviour;
    const name = dice.one("static-analysis", "integration-tests", "integration-tests", "end-to-end");
    const flaky = { ...stages[name], passes: true, failures: dice.one(1, 1, 2) };
    return { ...push, behaviour: { ...push.behaviour, stages: { ...stages, [name]: flaky } } };
  });
  const resumes = pushes.flatMap(({ service, tag, at }) =>
    Array.from({ length: dice.one(0, 1, 1, 2) }, (): Deed => {
      return { at: at + dice.one(30, 200, 500, 900, 1800, 3600), does: "resume", service, tag };
    }),
  );
  return { ...plan, pushes, deeds: [...plan.deeds, ...resumes] };
}

/** People who stop an execution and have it go on after all, and who have what failed long ago go on. */
function redrives(plan: Plan, dice: Dice): Plan {
  const deeds = Array.from({ length: dice.one(1, 2, 3, 4) }, (): Deed[] => {
    const machine = dice.one("DeployMachine", "DeployMachine", "ReleaseMachine");
    const at = (dice.of(plan.pushes)?.at ?? 0) + dice.between(20, 900);
    const stop: Deed = { at, does: "stop", machine, which: 0 };
    const again: Deed = {
      at: at + dice.one(1, 10, 61, 130, 600, 3000),
      does: "redrive",
      machine,
      which: dice.one(0, 0, 1, 2),
    };
    return dice.chance(0.6) ? [stop, again] : [again];
  }).flat();
  return { ...plan, deeds: [...plan.deeds, ...deeds] };
}

/** Releases that are watched by an alarm that rings, falls silent and has no data, as it comes. */
function alarms(plan: Plan, dice: Dice): Plan {
  const environment = dice.one(...environments);
  const alarm = `errors-in-${environment}`;
  const intervalSeconds = dice.one(30, 60);
  const whenInconclusive = dice.one("hold", "rollBack");
  const bake = { minutes: dice.between(3, 12), intervalSeconds, alarms: [alarm], whenInconclusive };
  const changes = plan.pushes.flatMap(({ at: pushedAt }): AlarmChange[] => {
    let at = pushedAt;
    return Array.from({ length: dice.one(0, 2, 6, 10) }, () => {
      at += dice.one(20, 70, 150, 150, 400);
      return { at, alarm, state: dice.one("OK", "OK", "ALARM", "ALARM", "INSUFFICIENT_DATA") };
    });
  });
  const quiet: AlarmChange = { at: 0, alarm, state: "OK" };
  return { ...withRules(plan, environment, { bake }), alarms: [quiet, ...changes] };
}

/** Executions that Step Functions ends before they are done. */
function timeLimits(plan: Plan, dice: Dice): Plan {
  const deploySeconds = dice.one(120, 300, 900, undefined);
  const releaseSeconds =
    deploySeconds === undefined ? dice.one(60, 300, 900) : dice.one(300, 1800, undefined, undefined);
  const limits = {
    ...(deploySeconds === undefined ? {} : { deploySeconds }),
    ...(releaseSeconds === undefined ? {} : { releaseSeconds }),
  };
  return { ...plan, setting: { ...plan.setting, timeLimits: limits } };
}
