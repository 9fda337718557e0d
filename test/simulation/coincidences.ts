import type { MigrationBehaviour } from "./behaviour.ts";
import type { Dice } from "./dice.ts";
import { type Addition, environments, withRules } from "./people.ts";
import type { Deed, FaultPlan, Plan, PlannedPush } from "./plan.ts";
import { migrationOf, pushesOf, withBadLuck } from "./rarities.ts";

/**
 * Makes every fourth world such that two things meet which hardly ever do, because each must come at its moment. Each
 * coincidence has its turn, so that no run of seeds is without it.
 */
export function drawCoincidences(plan: Plan, dice: Dice): Plan {
  const all = Object.entries(coincidences);
  const [name, coincidence] = all[Math.floor(plan.seed / 4) % all.length] ?? [];
  if (plan.seed % 4 !== 2 || name === undefined || coincidence === undefined) return plan;
  return { ...coincidence(plainly(plan), dice), theme: name };
}

/** Every coincidence by its name. */
export const coincidences: Readonly<Record<string, Addition>> = {
  "a retry that overtakes its first try": overtakenTries,
  "an end that is written too late": lateEnds,
  "a recovery that meets what it recovers": metRecoveries,
  "a way back that meets the target at work": wayBackAtWork,
  "a way back of a schema that nobody can tell of": untoldWaysBack,
  "a schema that is forced and broken off": forcedSchemas,
  "a freeze that comes between the turn and the lease": freezeAfterTheTurn,
  "an event that two executions hear at once": eventsHeardByTwo,
};

/** What else people do and demand would keep the two from meeting. */
function plainly(plan: Plan): Plan {
  const { services, reverts, verifies, waves } = plan.setting;
  const { commits: _, alarms: __, faults, ...rest } = plan;
  const { unlucky: ___, ...weather } = faults;
  return { ...rest, setting: { services, reverts, verifies, waves }, deeds: [], faults: weather };
}

type Unlucky = NonNullable<FaultPlan["unlucky"]>;

const refusals = ["throttled", "failed before taking effect"];
const late = { faults: ["answered late", "done late"] };
const query = { operations: ["Query"] };

/** A try whose function is gone has begun something, or still writes it down, while its retry is at work on the same. */
function overtakenTries(plan: Plan, dice: Dice): Plan {
  if (dice.chance(0.5)) return overtakenBuilds(plan, dice);
  const name = dice.one("StartDeployment", "StartDeployment", "MigrateDatabase", "RollBack", "RunStage");
  const pushes = pushesOf(plan, dice, (nth, history, before) => ({
    startSeconds: dice.one(60, 110, 150),
    migration: { ...migrationOf(history, before), seconds: dice.one(60, 200), startFaults: dice.one(0, 1) },
    ...(nth > 0 && name === "RollBack" ? { healthStatus: 500 } : {}),
  }));
  // Whether something was begun before or after is told by clocks that differ.
  const faults = { ...plan.faults, skew: 3000 };
  return withBadLuck(
    { ...plan, pushes, faults },
    {
      ...{ function: name, calls: dice.one(0.3, 0.5), lateSeconds: [65, 85] },
      faults: dice.one(
        ["done late"],
        ["done late", "failed after taking effect", "killed after"],
        ["failed after taking effect", "killed after"],
      ),
      operations: ["UpdateItem", "UpdateService", "CreateService", "StartBuild", "RunTask"],
    },
  );
}

/** CodeBuild loses builds, and which build is waited for is written when another has been begun. */
function overtakenBuilds(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (_nth, history, before) => {
    const names = ["static-analysis", "integration-tests", "end-to-end"];
    const stageOf = (name: string) => [
      name,
      { seconds: dice.one(90, 200, 300), faults: dice.one(0, 1, 1, 2) },
    ];
    return { migration: migrationOf(history, before), stages: Object.fromEntries(names.map(stageOf)) };
  });
  const write = { function: "RunStage", operations: ["UpdateItem"], about: "awaitedArn" };
  const unlucky = {
    ...write,
    calls: dice.one(0.2, 0.5),
    faults: ["done late"],
    lateSeconds: [70, 85, 85],
  } as const;
  return withBadLuck({ ...plan, pushes }, unlucky);
}

/**
 * How a deployment ended, or what is live then, is written so late that it was broken off, or goes back, when that takes
 * effect.
 */
function lateEnds(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (_nth, history, before) => ({
    migration: { ...migrationOf(history, before), seconds: dice.one(1, 5) },
    startSeconds: dice.one(0, 2),
  }));
  const write = { function: "RecordDeployment", operations: ["UpdateItem"] };
  const from = dice.one(0, dice.of(pushes)?.at ?? 0);
  if (dice.chance(0.5))
    return withBadLuck(
      { ...plan, pushes },
      {
        ...{ ...write, about: "outcome", calls: 1, from, until: from + dice.one(900, 3600) },
        ...{ faults: [...refusals, "killed before", "done late"], lateSeconds: [70, 85] },
      },
    );
  const deeds = pushes.flatMap(({ at }) =>
    dice.chance(0.7) ? [breakOff(at, "RecordDeployment", dice.one(1, 10, 40))] : [],
  );
  return withBadLuck(
    { ...plan, pushes, deeds },
    {
      ...{ ...write, about: "lease.fence", calls: 0.5, from },
      ...{ faults: ["done late"], lateSeconds: [85, 120] },
    },
  );
}

/** What was broken off is redriven while its recovery is at work, and who looks for such is slow. */
function metRecoveries(plan: Plan, dice: Dice): Plan {
  const looks = { ...late, calls: dice.one(0.2, 0.4), lateSeconds: [5, 15, 30] } as const;
  const slow = dice.one<Unlucky | undefined>(
    undefined,
    { ...looks, ...(dice.chance(0.6) ? query : {}), function: "Reconcile" },
    { ...looks, ...(dice.chance(0.6) ? query : {}), function: dice.one("Reconcile", "RecoverExecution") },
    // It asks what is to be recovered.
    { ...late, ...query, function: "PrepareDeployment", calls: 0.8, lateSeconds: [15, 40] },
  );
  const redriven = slow?.function === "PrepareDeployment" ? 0.9 : 0.5;
  const pushes = pushesOf(plan, dice, (nth, history, before) => ({
    migration: { ...migrationOf(history, before), seconds: dice.one(5, 20, 60, 200) },
    startSeconds: dice.one(2, 40),
    ...(nth > 0 && dice.chance(0.5) ? { healthStatus: 500 } : {}),
  }));
  const deeds = pushes.flatMap(({ at }): Deed[] => {
    const other = dice.one("StartDeployment", "CheckHealth", "CheckHealth", "RollBack");
    const midst = dice.chance(0.4) ? "MigrateDatabase" : other;
    const stopped = breakOff(at, midst, dice.one(1, 5, 20));
    const again = { redriveAfterSeconds: dice.one(65, 75, 85, 100, 130) };
    return dice.chance(0.2) ? [] : [dice.chance(redriven) ? { ...stopped, ...again } : stopped];
  });
  return slow === undefined ? { ...plan, pushes, deeds } : withBadLuck({ ...plan, pushes, deeds }, slow);
}

/** Images take long to come up, and who began that cannot write it down: the way back begins meanwhile. */
function wayBackAtWork(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (nth, history, before) => ({
    migration: migrationOf(history, before),
    startSeconds: dice.one(60, 200, 400),
    ...(nth > 0 && dice.chance(0.3) ? { crashesOnStart: true } : {}),
  }));
  const from = dice.one(0, 0, dice.of(pushes)?.at ?? 0);
  return withBadLuck(
    { ...plan, pushes },
    {
      function: "StartDeployment",
      calls: dice.one(0.7, 0.85),
      from,
      until: from + dice.one(300, 900, 1800),
      faults: refusals,
      operations: ["UpdateItem"],
    },
  );
}

/**
 * A migration is taken back, or cannot be, and nobody tells in time how that went, or nobody can read it; people have
 * the environment recovered, and go back further.
 */
function untoldWaysBack(plan: Plan, dice: Dice): Plan {
  // A task may take five minutes, and is asked about more and more seldom while ECS does not tell of it.
  const isUnheard = dice.chance(0.4);
  const pushes = pushesOf(plan, dice, (nth, history, before) => ({
    migration: {
      ...migrationOf(history, before),
      seconds: isUnheard ? dice.one(270, 290) : dice.one(5, 30),
      ...(nth > 0 && dice.chance(isUnheard ? 0.2 : 0.5) ? { downExitCode: 1 } : {}),
    },
    ...(nth > 0 && dice.chance(0.7) ? { healthStatus: 500 } : {}),
  }));
  const deeds = pushes.slice(1).flatMap(({ at, service }) => {
    const environment = dice.one(...environments);
    const recovery: Deed = { at: at + dice.one(350, 600, 900), does: "recover", service, environment };
    const back: Deed = { at: recovery.at + dice.one(200, 400), does: "roll-back", service, environment };
    return dice.one<Deed[]>([], [recovery], [recovery, back], [back]);
  });
  const reverting = { ...plan, setting: { ...plan.setting, reverts: true }, pushes };
  if (isUnheard)
    return { ...reverting, faults: { ...plan.faults, until: plan.faults.until + 1800, events: 1 } };
  const silent = { ...reverting, deeds };
  const ill = dice.of(pushes.filter(({ behaviour }) => behaviour.healthStatus !== undefined));
  if (ill === undefined || dice.chance(0.3)) return silent;
  const from = ill.at + (ill.behaviour.migration?.seconds ?? 5) + dice.one(40, 60, 90);
  const unlucky = { calls: dice.one(0.8, 1), from, until: from + dice.one(300, 600), faults: refusals };
  return withBadLuck(silent, {
    ...unlucky,
    function: dice.one("ReadSchema", "ReadSchema", "RevertMigration"),
  });
}

/**
 * People force what the code before cannot live with. It is broken off, and so is what recovers that; or it is ill, and
 * people force what was live, or have the environment recovered.
 */
function forcedSchemas(plan: Plan, dice: Dice): Plan {
  const images = pushesOf(plan, dice, (_nth, history, before) => ({
    migration: migrationOf(history, before),
  }));
  const pushes = images.map((push, nth): PlannedPush => {
    if (nth < images.length - 1) return push;
    const { after: head = "", history = [] } = push.behaviour.migration ?? {};
    const migration: MigrationBehaviour = {
      ...{ after: head, history, readableFrom: head, seconds: dice.one(5, 60) },
      ...(dice.chance(0.3) ? { exitCode: 1, leaves: head } : {}),
      ...(dice.chance(0.5) ? { downExitCode: 1 } : {}),
    };
    const illness = dice.chance(0.6) ? { healthStatus: 500 } : {};
    return { ...push, behaviour: { ...push.behaviour, migration, ...illness } };
  });
  const last = pushes.at(-1);
  if (last === undefined) return plan;
  const { service, tag } = last;
  const at = last.at + dice.one(60, 200, 300);
  const force = (when: number, what: string): Deed => ({
    at: when,
    does: "release",
    service,
    tag: what,
    force: true,
  });
  const midst = dice.one("MigrateDatabase", "ConfirmMigration", "CheckHealth", "RollBack");
  const stopped = breakOff(at, midst, dice.one(0, 3, 20, 60));
  const recovering = dice.one("CheckDatabase", "ReadSchema", "RollBack", "RecordDeployment");
  const stoppedAgain = breakOff(at + dice.one(65, 90, 130), recovering, dice.one(0, 3, 20));
  const older = force(at + dice.one(300, 500), dice.one("a000001", pushes.at(-2)?.tag ?? tag));
  const recovery: Deed = {
    at: older.at + dice.one(200, 400),
    does: "recover",
    service,
    environment: dice.one(...environments),
  };
  const more = dice.one<Deed[]>(
    [],
    [stopped],
    [stopped, stoppedAgain],
    [stopped, stoppedAgain],
    [older, recovery],
    [older, recovery, force(recovery.at + 300, tag)],
    [stopped, older, recovery],
  );
  const setting = { ...plan.setting, reverts: dice.chance(0.7) };
  return { ...plan, setting, pushes, deeds: [force(at, tag), ...more] };
}

/**
 * Who has his turn comes slowly to the lease; a person has the environment recovered just then, which takes long, and
 * meanwhile a freeze begins.
 */
function freezeAfterTheTurn(plan: Plan, dice: Dice): Plan {
  const environment = dice.one(...environments);
  const fromMinute = dice.between(12, 25);
  const images = pushesOf(plan, dice, (nth, history, before) => ({
    migration: migrationOf(history, before),
    startSeconds: nth === 0 ? dice.one(240, 300, 400) : 2,
  }));
  const until = fromMinute * 60 - dice.between(5, 90);
  const pushes = images.map(
    (push, nth): PlannedPush => ({ ...push, at: nth === 0 ? 5 : until + (nth - 1) * 1900 }),
  );
  const [{ service } = { service: "web" }] = pushes;
  // Its checks take five seconds.
  const deeds: Deed[] = [{ at: until + dice.between(5, 15), does: "recover", service, environment }];
  const setting = { ...plan.setting, waves: "one" } as const;
  const freeze = { fromMinute, minutes: dice.between(15, 30) };
  return withBadLuck(withRules({ ...plan, setting, pushes, deeds }, environment, { freeze }), {
    ...{ function: "AcquireLease", calls: dice.one(0.5, 0.8), from: until, until: until + dice.one(15, 30) },
    ...{ faults: [...refusals, ...late.faults], lateSeconds: [5, 15] },
  });
}

/** EventBridge delivers an event twice, and of the two executions one is slow to look what there is. */
function eventsHeardByTwo(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (_nth, history, before) => {
    const names = ["static-analysis", "integration-tests", "end-to-end"];
    const fails = dice.chance(0.5);
    const stageOf = (name: string) => [
      name,
      { seconds: dice.one(1, 3), passes: !fails || name !== names[0] },
    ];
    return { migration: migrationOf(history, before), stages: Object.fromEntries(names.map(stageOf)) };
  });
  const deeds = pushes.flatMap(({ at, service, tag }, nth) =>
    Array.from({ length: dice.between(1, 4) }, (_, again): Deed[] => {
      const asked: Deed = {
        at: at + 150 + again * 90 + dice.between(0, 30),
        ...{ does: "request", service, tag, event: `request-${nth}-${again}` },
      };
      return [asked, { ...asked, at: asked.at + dice.one(0, 0, 0, 1) }];
    }).flat(),
  );
  return withBadLuck(
    { ...plan, pushes, deeds },
    {
      function: "AdmitRelease",
      calls: dice.one(0.1, 0.25),
      ...late,
      lateSeconds: [10, 20, 40],
    },
  );
}

function breakOff(at: number, name: string, afterSeconds: number): Extract<Deed, { does: "break-off" }> {
  return { at, does: "break-off", function: name, afterSeconds };
}
