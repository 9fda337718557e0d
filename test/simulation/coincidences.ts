import type { Behaviour, MigrationBehaviour } from "./behaviour.ts";
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
  const name = dice.one(
    "RunStage",
    "RunStage",
    "StartDeployment",
    "StartDeployment",
    "MigrateDatabase",
    "RollBack",
  );
  const pushes = pushesOf(plan, dice, (nth, history, before) => {
    const names = ["static-analysis", "integration-tests", "end-to-end"];
    const isSlow = name === "RunStage";
    const stageOf = (stage: string) => [
      stage,
      isSlow ? { seconds: dice.one(90, 200, 300), faults: dice.one(0, 1, 1, 2) } : { seconds: 5 },
    ];
    return {
      startSeconds: isSlow ? 2 : dice.one(60, 110, 150),
      stages: Object.fromEntries(names.map(stageOf)),
      migration: { ...migrationOf(history, before), seconds: dice.one(60, 200), startFaults: dice.one(0, 1) },
      ...(nth > 0 && name === "RollBack" ? { healthStatus: 500 } : {}),
    };
  });
  return withBadLuck(
    { ...plan, pushes },
    {
      function: name,
      calls: dice.one(0.3, 0.5),
      faults: ["done late", "failed after taking effect", "killed after"],
      operations: ["UpdateItem", "UpdateService", "CreateService", "StartBuild", "RunTask"],
      lateSeconds: [62, 70, 85],
    },
  );
}

/** How a deployment ended is written down so slowly that it is broken off, or goes back, before it takes effect. */
function lateEnds(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (_nth, history, before) => ({
    migration: migrationOf(history, before),
    startSeconds: dice.one(0, 2),
  }));
  const deeds = pushes.flatMap(({ at }) =>
    dice.chance(0.5) ? [breakOff(at, "RecordDeployment", dice.one(2, 20, 40, 55))] : [],
  );
  const from = dice.of(pushes)?.at ?? 0;
  return withBadLuck(
    { ...plan, pushes, deeds },
    {
      function: "RecordDeployment",
      calls: dice.one(0.6, 0.9),
      from,
      until: from + dice.one(120, 300, 900),
      faults: ["done late"],
      operations: dice.one(["UpdateItem"], ["UpdateItem", "BatchGetItem"]),
      lateSeconds: [25, 50, 85],
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
 * A migration is taken back, or cannot be, and nobody tells in time how that went; people have the environment
 * recovered, and go back further.
 */
function untoldWaysBack(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (nth, history, before) => ({
    migration: {
      ...migrationOf(history, before),
      seconds: dice.one(5, 30, 250, 285),
      ...(nth > 0 && dice.chance(0.4) ? { downExitCode: 1 } : {}),
    },
    ...(nth > 0 && dice.chance(0.6) ? { healthStatus: 500 } : {}),
  }));
  const deeds = pushes.slice(1).flatMap(({ at, service }) => {
    const environment = dice.one(...environments);
    const recovery: Deed = { at: at + dice.one(350, 600, 900), does: "recover", service, environment };
    const back: Deed = { at: recovery.at + dice.one(200, 400), does: "roll-back", service, environment };
    return dice.one<Deed[]>([], [recovery], [recovery, back], [back]);
  });
  const ill = dice.of(pushes.filter(({ behaviour }) => behaviour.healthStatus !== undefined));
  const setting = { ...plan.setting, reverts: true };
  const silent = { ...plan, setting, pushes, deeds };
  if (ill === undefined || dice.chance(0.4))
    return { ...silent, faults: { ...plan.faults, events: dice.one(0.3, 0.7) } };
  const from = ill.at + (ill.behaviour.migration?.seconds ?? 5) + dice.one(40, 60, 90);
  const unlucky = { calls: dice.one(0.8, 1), from, until: from + dice.one(300, 600), faults: refusals };
  return withBadLuck(silent, {
    ...unlucky,
    function: dice.one("ReadSchema", "ReadSchema", "RevertMigration"),
  });
}

/**
 * People force what the code before cannot live with; it fails, is ill or is broken off, and so is what recovers that.
 */
function forcedSchemas(plan: Plan, dice: Dice): Plan {
  const pushes = pushesOf(plan, dice, (nth, history, before): Behaviour => {
    const [head = "", previous = ""] = [history.at(-1), before.at(-1)];
    const migration: MigrationBehaviour = {
      ...migrationOf(history, before),
      readableFrom: nth === 0 || dice.chance(0.3) ? previous : head,
      seconds: dice.one(5, 60),
      ...(nth > 0 && dice.chance(0.3) ? { exitCode: 1, leaves: dice.one(head, head, previous) } : {}),
      ...(nth > 0 && dice.chance(0.4) ? { downExitCode: 1 } : {}),
    };
    return { migration, ...(nth > 0 && dice.chance(0.5) ? { healthStatus: 500 } : {}) };
  });
  const deeds = pushes.slice(1).flatMap(({ at, service, tag }): Deed[] => {
    const forcedAt = at + dice.one(60, 200, 300);
    const forced: Deed = {
      at: forcedAt,
      does: "release",
      service,
      tag: dice.one(tag, tag, tag, "a000001"),
      force: true,
    };
    const first = dice.one(
      "MigrateDatabase",
      "MigrateDatabase",
      "ConfirmMigration",
      "CheckHealth",
      "RollBack",
    );
    const stopped = breakOff(forcedAt, first, dice.one(0, 3, 20, 60));
    const second = dice.one("AcquireLease", "CheckDatabase", "ReadSchema", "RollBack", "RecordDeployment");
    const stoppedAgain = breakOff(forcedAt + dice.one(60, 100, 200), second, dice.one(0, 3, 20));
    const recovery: Deed = {
      at: forcedAt + 500,
      does: "recover",
      service,
      environment: dice.one(...environments),
    };
    return [
      forced,
      ...dice.one([], [stopped], [stopped, stoppedAgain], [stopped, stoppedAgain]),
      ...(dice.chance(0.4) ? [recovery] : []),
    ];
  });
  return { ...plan, pushes, deeds };
}

/** Who has his turn comes slowly to the lease, or finds it held, and a freeze begins meanwhile. */
function freezeAfterTheTurn(plan: Plan, dice: Dice): Plan {
  const environment = dice.one(...environments);
  const fromMinute = dice.between(8, 25);
  const images = pushesOf(plan, dice, (_nth, history, before) => ({
    migration: migrationOf(history, before),
    startSeconds: dice.one(2, 40),
  }));
  // Its checks take ten seconds.
  const until = fromMinute * 60 - dice.between(5, 70);
  const pushes = images.map(
    (push, nth): PlannedPush => ({ ...push, at: nth === 0 ? 5 : until + (nth - 1) * 1900 }),
  );
  const deeds = dice.chance(0.5)
    ? [
        {
          at: until + dice.between(8, 20),
          does: "recover",
          service: pushes[0]?.service ?? "web",
          environment,
        } as const,
      ]
    : [];
  const setting = { ...plan.setting, waves: "one" } as const;
  const frozen = withRules({ ...plan, setting, pushes, deeds }, environment, {
    freeze: { fromMinute, minutes: dice.between(10, 30) },
  });
  return withBadLuck(frozen, {
    function: "AcquireLease",
    calls: dice.one(0.3, 0.6),
    faults: [...refusals, "answered late", "done late"],
    lateSeconds: [10, 25],
    from: until,
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
