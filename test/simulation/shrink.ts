import type { Plan } from "./plan.ts";
import type { Run } from "./run.ts";

/**
 * Makes a plan that breaks a rule as small as it goes: fewer pushes, fewer people, fewer faults, as long as the same
 * rule is broken.
 * @param run lives through a plan.
 * @param tries how many smaller plans are tried at most.
 */
export async function shrink(broken: Run, run: (plan: Plan) => Promise<Run>, tries = 120): Promise<Run> {
  const rule = broken.violations[0]?.invariant;
  let best = broken;
  let left = tries;
  const attempt = async (plan: Plan): Promise<boolean> => {
    if (left-- <= 0) return false;
    const came = await run(plan);
    const stillBroken = came.violations.some(({ invariant }) => invariant === rule);
    if (stillBroken) best = came;
    return stillBroken;
  };
  // The faults that happened are named, so that one of them can be left out.
  const only = broken.faults.map(({ place }) => place);
  await attempt({ ...best.plan, faults: { ...best.plan.faults, only } });
  await attempt({ ...best.plan, faults: { ...best.plan.faults, skew: 0, indexLag: 0 } });
  for (let size = -1; size !== sizeOf(best.plan) && left > 0; ) {
    size = sizeOf(best.plan);
    await fewer(
      () => best.plan.deeds,
      (deeds) => attempt({ ...best.plan, deeds }),
    );
    await fewer(
      () => best.plan.pushes,
      (pushes) => attempt({ ...best.plan, pushes }),
    );
    await fewer(
      () => best.plan.faults.only ?? [],
      (some) => attempt({ ...best.plan, faults: { ...best.plan.faults, only: some } }),
    );
  }
  return best;
}

function sizeOf({ pushes, deeds, faults }: Plan): number {
  return pushes.length + deeds.length + (faults.only?.length ?? 0);
}

/** Leaves out parts of a list, halves first, then quarters, down to single ones. */
async function fewer<One>(
  list: () => readonly One[],
  attempt: (some: One[]) => Promise<boolean>,
): Promise<void> {
  for (let part = Math.ceil(list().length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2))
    for (let at = 0; at < list().length; ) {
      const some = [...list().slice(0, at), ...list().slice(at + part)];
      if (!(await attempt(some))) at += part;
    }
}
