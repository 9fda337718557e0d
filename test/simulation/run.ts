import { AsyncLocalStorage } from "node:async_hooks";
import { sleep, type VirtualClock } from "../../local/asl/index.ts";
import type { ServiceEvent } from "../../local/world.ts";
import { createAlarms, setAlarm } from "./alarms.ts";
import { haveAnswered, wantedBy } from "./approvers.ts";
import type { Behaviour } from "./behaviour.ts";
import { doDeed } from "./deeds.ts";
import { createFaults, type Fault } from "./faults.ts";
import { createHistory, type History } from "./history.ts";
import { checkInvariants, type Violation } from "./invariants/all.ts";
import { schedulesFor } from "./looks.ts";
import { createNotes, type Notes } from "./notes.ts";
import { rootFor } from "./patience.ts";
import type { Plan, PlannedPush } from "./plan.ts";
import { lostPushes, openItems, readRecords } from "./records.ts";
import type { Seams } from "./seams.ts";
import { settingConfig } from "./setting.ts";
import { createWorld, type SimulatedWorld } from "./world.ts";

/** So long after the last that happened, and after the last fault, everything must have come to its end. */
const deadlineSeconds = 8 * 3600;

/** What became of a plan. */
export interface Run {
  readonly plan: Plan;
  readonly history: History;
  readonly faults: readonly Fault[];
  readonly violations: readonly Violation[];
  /** How many releases were opened. */
  readonly releases: number;
}

/** What may be looked at while the world is still there. */
export type Inspect = (world: SimulatedWorld) => Promise<void>;

/**
 * Lives through a plan and judges it.
 * @param root the folder with the state machines, if they are not the repository's.
 * @param inspect is called at the end of the world.
 */
export async function simulate(
  plan: Plan,
  { root, inspect }: { readonly root?: string | undefined; readonly inspect?: Inspect } = {},
): Promise<Run> {
  // A person who is asked by a function is not part of it.
  const outside = AsyncLocalStorage.snapshot();
  const hands: {
    history?: History;
    faults?: ReturnType<typeof createFaults>;
    notes?: Notes;
    world?: SimulatedWorld;
  } = {};
  const seams = (clock: VirtualClock): Seams => {
    const history = createHistory(clock);
    const faults = createFaults(clock, plan.seed, plan.faults, (fault) =>
      history.add({ kind: "fault", ...fault }),
    );
    const notes = createNotes(history);
    Object.assign(hands, { history, faults, notes });
    return {
      call(call, send) {
        return faults.call(call, async () => {
          const answer = await notes.call(call, send);
          if (answer.status < 300)
            for (const wanted of wantedBy(call))
              outside(() => hands.world && haveAnswered(hands.world, plan, history, wanted));
          return answer;
        });
      },
      event(event, deliver) {
        history.add({ kind: "event", event });
        const push = pushOfABuild(plan, event);
        if (push !== undefined) history.add({ kind: "push", ...push });
        faults.event(event, deliver);
      },
      begin: faults.begin,
      skew: faults.skew,
      index: faults.index,
      effect: (effect) => history.add(effect),
    };
  };
  const world = await createWorld(
    plan.seed,
    settingConfig(plan.setting),
    {},
    { seams, root: rootFor(plan.setting, root), schedules: schedulesFor(plan.setting) },
  );
  const { history, faults, notes } = hands;
  if (history === undefined || faults === undefined || notes === undefined)
    throw new Error("the world asked for no seams");
  notes.watch(world);
  hands.world = world;
  try {
    const end = await live(world, plan, history, faults.late);
    await inspect?.(world);
    const records = readRecords(world);
    const violations = checkInvariants({ plan, history: history.effects, records, world, stillOpen: end });
    return { plan, history, faults: faults.happened, violations, releases: records.releases.length };
  } finally {
    await world.close();
  }
}

/** A plan counts from when its world begins; what is in a world has its clock. */
function since<Some extends Behaviour>(begins: number, behaviour: Some): Some {
  const { failsFrom, wellFrom } = behaviour;
  return {
    ...behaviour,
    ...(failsFrom === undefined ? {} : { failsFrom: begins + failsFrom }),
    ...(wellFrom === undefined ? {} : { wellFrom: begins + wellFrom }),
  };
}

/** The push of an image that was built of a planned commit. */
function pushOfABuild(
  { commits = [], setting }: Plan,
  { "detail-type": type, detail }: ServiceEvent,
): { push: PlannedPush; digest: string } | undefined {
  const [service = ""] = setting.services;
  const { "repository-name": repository, "image-tag": tag, "image-digest": digest } = detail;
  if (type !== "ECR Image Action" || repository !== service) return undefined;
  const built = commits.find(({ commit }) => commit.slice(0, 12) === tag);
  if (built === undefined) return undefined;
  const { commit, behaviour } = built;
  return { push: { at: 0, service, tag: String(tag), commit, behaviour }, digest: String(digest) };
}

/** Has everything happen, and waits until nothing goes on. @returns what still goes on at the deadline, in words. */
async function live(
  world: SimulatedWorld,
  plan: Plan,
  history: History,
  late: () => number,
): Promise<string[]> {
  const { clock } = world;
  const acts: Promise<void>[] = [];
  const begins = clock.now();
  const later = (seconds: number, act: () => Promise<void>) => {
    acts.push(sleep(clock, seconds * 1000).then(act));
  };
  // The installation is not new: it has looked for pushes before. No time passes meanwhile: what an SDK client loads
  // at its first request is nothing that the clock sees.
  for (const service of plan.setting.services)
    await clock.runUntil(clock.busy(world.records.sawPushes(service, clock.now()), "the first look"));
  for (const push of plan.pushes)
    later(push.at, async () => {
      const digest = await world.pushImages(
        push.tag,
        since(begins, push.behaviour),
        push.commit,
        push.service,
      );
      history.add({ kind: "push", push, digest });
    });
  await clock.runUntil(clock.busy(createAlarms(world, plan.alarms ?? []), "the making of the alarms"));
  for (const { at, ...change } of plan.alarms ?? [])
    later(at, async () => {
      await setAlarm(world, change);
      history.add({ kind: "alarm", ...change });
    });
  for (const { commit, behaviour } of plan.commits ?? []) world.commit(commit, since(begins, behaviour));
  for (const deed of plan.deeds)
    if (deed.does !== "answer")
      later(deed.at, async () => {
        history.add({ kind: "deed", deed, answer: await doDeed(world, deed, history.add) });
      });
  return clock.runUntil(
    Promise.all(acts).then(async () => {
      const deadline = clock.now() + deadlineSeconds * 1000;
      // Twice in a row: what has just ended may begin something.
      for (let quiet = 0; ; ) {
        await sleep(clock, 60_000);
        const going = openItems(world, history);
        const open = going.length > 0 ? going : lostPushes(history.effects, readRecords(world));
        quiet = open.length === 0 && late() === 0 ? quiet + 1 : 0;
        if (quiet === 2) return [];
        if (clock.now() > deadline) return open;
      }
    }),
  );
}
