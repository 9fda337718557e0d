import type { Behaviour, MigrationBehaviour } from "./behaviour.ts";
import type { Dice } from "./dice.ts";
import type { Deed, FaultPlan, Plan, PlannedPush } from "./plan.ts";

/**
 * A situation that is rare in worlds drawn at large, though a guard is there for it. It keeps of the plan what it is
 * not about.
 */
export type Theme = (plan: Plan, dice: Dice) => Plan;

/** Gives half of the worlds a theme. */
export function drawTheme(plan: Plan, dice: Dice): Plan {
  if (dice.chance(0.5)) return plan;
  const [name, theme] = dice.of(Object.entries(themes)) ?? [];
  return theme === undefined || name === undefined ? plan : { ...theme(plan, dice), theme: name };
}

/** Every theme by its name. */
export const themes: Readonly<Record<string, Theme>> = {
  "a schema in trouble": schemaInTrouble,
  "people who go back": peopleWhoGoBack,
  "people who insist": peopleWhoInsist,
  "builds that come late": lateBuilds,
  "long watches": longWatches,
  "executions that are broken off": brokenOff,
  "a function that has bad luck": badLuck,
  "calls of functions that are gone": lateCalls,
};

const environments = ["staging", "production"] as const;

/** Migrations that the code before cannot live with, that fail, that leave the schema half way, or are broken off. */
function schemaInTrouble(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, dice.between(2, 5), (nth, history, before) => {
    const [head, previous] = [history.at(-1) ?? "", before.at(-1) ?? ""];
    const migration: MigrationBehaviour = {
      after: head,
      history,
      readableFrom: nth === 1 || dice.chance(0.6) ? previous : head,
      seconds: dice.one(5, 60, 200),
      ...(nth > 1 && dice.chance(0.3) ? { exitCode: 1, leaves: dice.one(previous, head) } : {}),
      ...(dice.chance(0.15) ? { downExitCode: 1 } : {}),
    };
    return { migration, ...(nth > 1 && dice.chance(0.3) ? { healthStatus: 500 } : {}) };
  });
  const deeds = times(dice.between(0, 3), () => stopOf(dice, pushes));
  return { ...plan, pushes, deeds };
}

/**
 * People who go back, again and again: to what has become ill meanwhile, or so far that the code could not read the
 * schema any more.
 */
function peopleWhoGoBack(plan: Plan, dice: Dice): Plan {
  const count = dice.between(3, 5);
  const isIll = dice.chance(0.5);
  const images = pushesOf(plan, dice, count, (_nth, history, before) => ({
    migration: isIll
      ? { after: "0001", history: ["0001"], readableFrom: "0001" }
      : { after: history.at(-1) ?? "", history, readableFrom: before.at(-1) ?? "", seconds: dice.one(5, 60) },
  }));
  // Far enough from one another that each is live for a while.
  const pushes = images.map((push, nth) => ({ ...push, at: nth * 900 + Math.max(1, dice.between(0, 60)) }));
  const last = pushes.at(-1)?.at ?? 0;
  const [{ service } = { service: "web" }] = pushes;
  const environment = dice.of(environments) ?? "production";
  const back = times(dice.between(1, 4), (nth): Deed => {
    const at = last + 900 + nth * dice.between(240, 900);
    return { at, does: "roll-back", service, environment };
  });
  const meanwhile = times(dice.between(0, 3), (): Deed => {
    const at = (dice.of(pushes)?.at ?? 0) + dice.between(20, 500);
    const does = dice.one("roll-back", "recover", "recover", "promote");
    return { at, does, service, environment: does === "promote" ? "production" : environment };
  });
  const failsFrom = (last + dice.between(0, 600)) * 1000;
  // Only what they go back to: the newest must be there to be gone back from.
  const fallen = pushes.map((push, nth) =>
    isIll && nth === count - 2 ? { ...push, behaviour: { ...push.behaviour, failsFrom } } : push,
  );
  // Where half of the events are lost, hardly anything is live when the next comes.
  const faults = { ...plan.faults, events: Math.min(plan.faults.events, 0.1) };
  return { ...plan, pushes: fallen, deeds: dice.chance(0.5) ? back : [...back, ...meanwhile], faults };
}

/** Builds that take longer than those after them, so that the older comes when the newer is on its way or taken back. */
function lateBuilds(plan: Plan, dice: Dice): Plan {
  const [first, ...rest] = pushesOf(plan, dice, dice.between(3, 5), (nth, _history, before) => ({
    migration: {
      after: before.at(-1) ?? "",
      history: before,
      readableFrom: before.at(0) ?? "",
      // Long enough that the others are in line together.
      seconds: nth === 1 ? 200 : 5,
    },
    ...(nth > 2 && dice.chance(0.5) ? illness(dice) : {}),
  }));
  const order = rest.toReversed();
  let at = first?.at ?? 0;
  const isBurst = dice.chance(0.5);
  const late = order.map((push) => {
    at += isBurst ? dice.one(20, 30) : dice.one(60, 400, 700);
    return { ...push, at };
  });
  return { ...plan, pushes: first === undefined ? late : [first, ...late], deeds: [] };
}

/** What is watched so long that whoever asked for the lease again and again would give up. */
function longWatches(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, dice.between(2, 4), (_nth, history, before) => ({
    migration: { after: history.at(-1) ?? "", history, readableFrom: before.at(-1) ?? "" },
  }));
  const environment = dice.one("staging", "production");
  const rules = { ...plan.setting.rules, [environment]: { bake: { minutes: 90, intervalSeconds: 900 } } };
  const [{ service } = { service: "web" }] = pushes;
  const back = times(dice.one(0, 1, 2), (): Deed => {
    const at = (dice.of(pushes)?.at ?? 0) + dice.between(300, 3000);
    return { at, does: dice.one("roll-back", "recover"), service, environment };
  });
  return { ...plan, setting: { ...plan.setting, rules }, pushes, deeds: back };
}

/** People who start again what was taken back, what is under way, and the same thing twice at once. */
function peopleWhoInsist(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, dice.between(2, 4), (nth, _history, before) => ({
    migration: { after: before.at(-1) ?? "", history: before, readableFrom: before.at(0) ?? "" },
    ...(nth > 1 && dice.chance(0.7) ? illness(dice) : {}),
  }));
  const deeds = pushes.flatMap(({ at, service, tag }) =>
    times(dice.between(0, 3), (): Deed[] => {
      const again: Deed = { at: at + dice.one(1, 20, 120, 900, 2400), does: "release", service, tag };
      return dice.chance(0.4) ? [again, { ...again, at: again.at + dice.one(0, 0, 1) }] : [again];
    }).flat(),
  );
  return { ...plan, pushes, deeds };
}

/** People who stop executions, of what goes well, of what is on its way back, and in the midst of the last migration. */
function brokenOff(plan: Plan, dice: Dice): Plan {
  const count = dice.between(2, 4);
  const pushes = pushesOf(plan, dice, count, (nth, history, before) => ({
    migration: {
      after: history.at(-1) ?? "",
      history,
      readableFrom: before.at(-1) ?? "",
      seconds: nth === count ? 200 : dice.one(5, 60),
    },
    ...(nth > 1 && dice.chance(0.3) ? illness(dice) : {}),
  }));
  const last = pushes.at(-1)?.at ?? 0;
  const midst: Deed = { at: last + dice.between(60, 400), does: "stop", machine: "DeployMachine", which: 0 };
  const deeds = [...times(dice.between(1, 4), () => stopOf(dice, pushes)), midst];
  return { ...plan, pushes, deeds };
}

/** Much of what it asks for does not go well. */
function badLuck(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, dice.between(2, 4), (nth, history, before) => ({
    migration: { after: history.at(-1) ?? "", history, readableFrom: before.at(-1) ?? "" },
    ...(nth > 1 && dice.chance(0.6) ? { healthStatus: 500 } : {}),
  }));
  const beginning = dice.one("RollBack", "RollBack", "StartDeployment", "MigrateDatabase", "RunStage");
  const name = dice.chance(0.7) ? beginning : (dice.of(functions) ?? "RollBack");
  return withBadLuck({ ...plan, pushes }, { function: name, calls: dice.one(0.1, 0.3) });
}

/** What it asks for happens, and it does not hear of it, or is gone by then; others wait in line meanwhile. */
function lateCalls(plan: Plan, dice: Dice): Plan {
  const images = pushesOf(plan, dice, dice.between(3, 6), (_nth, history, before) => ({
    migration: { after: history.at(-1) ?? "", history, readableFrom: before.at(-1) ?? "" },
  }));
  const [{ service, at: begins } = { service: "web", at: 0 }] = images;
  const pushes = images.map((push, nth) => ({ ...push, at: begins + nth * dice.one(40, 90, 150) }));
  const writing = dice.one("AdmitRelease", "AdmitDeployment", "AcquireLease", "ReleaseLease");
  const name = dice.chance(0.7) ? writing : (dice.of(functions) ?? writing);
  const environment = dice.one(...environments);
  // Two who want the lease at the same moment, when nobody has it.
  const pairs = times(4, (nth) =>
    times(
      2,
      (second): Deed => ({ at: begins + 1200 + nth * 300 + second, does: "recover", service, environment }),
    ),
  ).flat();
  const deeds = name === "AcquireLease" ? [...plan.deeds, ...pairs] : plan.deeds;
  const faults = ["done late", "killed after", "failed after taking effect"];
  const writes = dice.chance(0.7) ? { operations: ["PutItem", "UpdateItem", "RunTask", "StartBuild"] } : {};
  const unlucky = { function: name, calls: dice.one(0.15, 0.3, 0.5), faults, ...writes };
  return withBadLuck({ ...plan, pushes, deeds }, unlucky);
}

/** The same world, in which a function has bad luck until half an hour after the last push. */
function withBadLuck(plan: Plan, unlucky: NonNullable<FaultPlan["unlucky"]>): Plan {
  const until = Math.max(...plan.pushes.map(({ at }) => at)) + 1800;
  return { ...plan, faults: { ...plan.faults, until, unlucky } };
}

/** All but `AdmitRelease`: a push that it cannot admit for half an hour, however often it is tried, is rejected. */
const functions = [
  "AdmitDeployment",
  "RunStage",
  "GateRelease",
  "StopStages",
  "AwaitTurn",
  "AcquireLease",
  "ConfirmStillWanted",
  "PrepareDeployment",
  "CheckDatabase",
  "ReadSchema",
  "MigrateDatabase",
  "ConfirmMigration",
  "StartDeployment",
  "CheckHealth",
  "RevertMigration",
  "RecordDeployment",
  "ReleaseLease",
  "CompleteRelease",
  "CompleteWait",
  "Reconcile",
  "RecoverExecution",
] as const;

/** What an image is like whose deployment must be taken back. */
function illness(dice: Dice): Behaviour {
  return dice.one<Behaviour>(
    { healthStatus: 500 },
    { probeStatus: 500 },
    { startSeconds: 10, crashesOnStart: true },
  );
}

function stopOf(dice: Dice, pushes: readonly PlannedPush[]): Deed {
  const at = (dice.of(pushes)?.at ?? 0) + dice.between(20, 700);
  const machine = dice.one("DeployMachine", "DeployMachine", "DeployMachine", "ReleaseMachine");
  return { at, does: "stop", machine, which: dice.one(0, 0, 1) };
}

/** Pushes of the first service, ten minutes apart or so, with checks that pass, and a schema for each. */
function pushesOf(
  { setting }: Plan,
  dice: Dice,
  count: number,
  behave: (nth: number, history: readonly string[], before: readonly string[]) => Behaviour,
): PlannedPush[] {
  const [service = "web"] = setting.services;
  const history: string[] = [];
  let at = dice.between(1, 60);
  return times(count, (index) => {
    const nth = index + 1;
    const before = history.length === 0 ? ["0001"] : [...history];
    if (nth === 1 || dice.chance(0.8)) history.push(String(history.length + 1).padStart(4, "0"));
    const tag = `a${String(nth).padStart(6, "0")}`;
    const seconds = dice.one(3, 20);
    const stages = Object.fromEntries(
      ["static-analysis", "integration-tests", "end-to-end"].map((stage) => [stage, { seconds }]),
    );
    const behaviour = { sequence: nth, startSeconds: 2, stages, ...behave(nth, [...history], before) };
    const push = { at, service, tag, commit: tag, behaviour };
    at += dice.one(60, 400, 700, 900);
    return push;
  });
}

function times<One>(count: number, make: (nth: number) => One): One[] {
  return Array.from({ length: count }, (_, nth) => make(nth));
}
