import type { Dice } from "./dice.ts";
import type { Deed, Plan } from "./plan.ts";

/** Has another system ask for releases in a tenth of the worlds; its events come again, some when all is over. */
export function drawRequests(plan: Plan, dice: Dice): Plan {
  if (!dice.chance(0.1)) return plan;
  const requests = plan.pushes
    .filter(() => dice.chance(0.5))
    .flatMap(({ at, service, tag }, nth): Deed[] => {
      const asked = at + dice.one(1, 200, 1500, 4000);
      const again = Array.from({ length: dice.one(0, 1, 1, 2) }, () => asked + dice.one(0, 1, 60, 900, 5000));
      return [asked, ...again].map((at) => ({ at, does: "request", service, tag, event: `request-${nth}` }));
    });
  return { ...plan, deeds: [...plan.deeds, ...requests] };
}
