import type { Dice } from "./dice.ts";
import type { Plan, Setting } from "./plan.ts";

/** What looks for lost pushes, drift, orphans and images does so as often as it is deployed in a tenth of the worlds. */
export function drawLooks(plan: Plan, dice: Dice): Plan {
  return dice.chance(0.1) ? { ...plan, setting: { ...plan.setting, looks: "each minute" } } : plan;
}

/**
 * When the rules of a world fire, by their names. In most, EventBridge leaves out most of what looks for that of which
 * no event tells: it must do, and takes most of the time of a world in which hours pass.
 */
export function schedulesFor({ looks }: Setting): Readonly<Record<string, string>> {
  if (looks === "each minute") return {};
  return {
    PushesDue: "rate(5 minutes)",
    DriftDue: "rate(5 minutes)",
    OrphansDue: "rate(10 minutes)",
    ImagesDue: "rate(10 minutes)",
  };
}
