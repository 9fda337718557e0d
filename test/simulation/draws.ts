import type { Behaviour, MigrationBehaviour, StageBehaviour } from "./behaviour.ts";
import { createDice, type Dice } from "./dice.ts";
import type { Deed, FaultPlan, Plan, PlannedPush } from "./plan.ts";

const environments = ["staging", "production"];

/** A plan of a seed with all that happens everywhere. */
export function drawPlan(seed: number): Plan {
  const dice = createDice(`plan ${seed}`);
  const services = dice.one(["web"], ["web"], ["web", "api"]);
  const pushes = services.flatMap((service) => planPushes(dice, service));
  const lastPush = Math.max(...pushes.map(({ at }) => at));
  return {
    seed,
    setting: {
      services,
      reverts: dice.chance(0.3),
      verifies: dice.chance(0.4),
      waves: dice.one("one", "two"),
    },
    pushes,
    deeds: Array.from({ length: dice.one(0, 0, 1, 1, 2, 3) }, () => planDeed(dice, pushes, lastPush)),
    faults: planFaults(dice, lastPush),
  };
}

/** Nothing goes wrong in a third of the worlds, little in another, and much in the rest. */
function planFaults(dice: Dice, lastPush: number): FaultPlan {
  return {
    until: lastPush + 1800,
    calls: dice.one(0, 0.004, 0.02),
    events: dice.one(0, 0.1, 0.5),
    skew: dice.one(0, 500, 3000),
    indexLag: dice.one(0, 0, 200, 3000),
  };
}

function planPushes(dice: Dice, service: string): PlannedPush[] {
  const pushes: PlannedPush[] = [];
  const history = ["0001"];
  // What is there when Spillway looks for the first time is not released by itself.
  let at = dice.between(1, 60);
  const count = dice.one(1, 2, 2, 3, 3, 4, 6);
  for (let nth = 1; nth <= count; nth++) {
    const before = [...history];
    if (dice.chance(0.35)) history.push(String(history.length + 1).padStart(4, "0"));
    const commit = `${service === "web" ? "a" : "b"}${String(nth).padStart(6, "0")}`;
    const behaviour = planBehaviour(dice, nth, [...history], before, at);
    pushes.push({ at, service, tag: commit, commit, behaviour });
    // The same image again under another tag: CI ran twice.
    if (dice.chance(0.08))
      pushes.push({ at: at + dice.between(1, 400), service, tag: `${commit}-again`, commit, behaviour });
    at += dice.one(1, 20, 90, 300, 900, 1800);
  }
  // Builds that took longer than those after them.
  if (pushes.length > 1 && dice.chance(0.25)) {
    const [first, second, ...rest] = pushes;
    if (first !== undefined && second !== undefined)
      return [{ ...second, at: first.at }, { ...first, at: second.at + dice.between(0, 30) }, ...rest];
  }
  return pushes;
}

function planBehaviour(
  dice: Dice,
  nth: number,
  history: readonly string[],
  before: readonly string[],
  at: number,
): Behaviour {
  return {
    sequence: nth,
    migration: planMigration(dice, history, before),
    stages: {
      "static-analysis": planStage(dice, 0.06),
      "integration-tests": planStage(dice, 0.06),
      "end-to-end": planStage(dice, 0.08),
    },
    ...planHealth(dice, at),
  };
}

function planStage(dice: Dice, failing: number): StageBehaviour {
  return { seconds: dice.one(3, 20, 60, 240, 700), passes: !dice.chance(failing) };
}

function planMigration(
  dice: Dice,
  history: readonly string[],
  before: readonly string[],
): MigrationBehaviour {
  const head = history.at(-1) ?? "0001";
  const previous = before.at(-1) ?? head;
  // Most migrations leave the code before them running; some do not, and must be refused.
  const readableFrom = dice.chance(0.85) ? previous : head;
  const common = { after: head, history, readableFrom, seconds: dice.one(1, 5, 30, 200) };
  if (dice.chance(0.08)) return { ...common, exitCode: 1, leaves: dice.one(previous, head) };
  if (dice.chance(0.05)) return { ...common, unreachable: true };
  if (dice.chance(0.05)) return { ...common, silent: true };
  if (dice.chance(0.1)) return { ...common, downExitCode: 1 };
  return common;
}

function planHealth(dice: Dice, at: number): Behaviour {
  const startSeconds = dice.one(1, 5, 40);
  const roll = dice.between(0, 100);
  if (roll < 6) return { startSeconds, healthStatus: 500 };
  if (roll < 10) return { startSeconds, probeStatus: 500 };
  // No operation of App Runner is over sooner, and Spillway counts on it.
  if (roll < 14) return { startSeconds: 10 + startSeconds, crashesOnStart: true };
  if (roll < 18) return { startSeconds, unreachable: true };
  if (roll < 23) return { startSeconds, flapSeconds: dice.one(7, 30) };
  if (roll < 26) return { startSeconds, failsFrom: (at + dice.between(60, 1500)) * 1000 };
  if (roll < 28) return { startSeconds, healthSeconds: 4 };
  return { startSeconds };
}

function planDeed(dice: Dice, pushes: readonly PlannedPush[], lastPush: number): Deed {
  const at = dice.between(30, lastPush + 1500);
  const push = dice.of(pushes);
  const service = push?.service ?? "web";
  const environment = dice.of(environments) ?? "production";
  const does = dice.one("stop", "stop", "stop", "release", "roll-back", "roll-back", "recover", "promote");
  if (does === "release") return { at, does, service, tag: push?.tag ?? "" };
  if (does === "promote") return { at, does, service, environment: "production" };
  if (does === "stop")
    return {
      at,
      does,
      machine: dice.one("DeployMachine", "DeployMachine", "ReleaseMachine"),
      which: dice.between(0, 3),
    };
  return { at, does, service, environment };
}
