import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type HistoryEvent,
  paginateGetExecutionHistory,
  paginateListExecutions,
  SFNClient,
} from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import { clientOf } from "../../aws/clients.ts";
import type { SimulatedWorld } from "./world.ts";

const machines = { DeployMachine: "deploy", ReleaseMachine: "release" } as const;

const Rule = z.object({ ErrorEquals: z.array(z.string()) });
type Rule = z.infer<typeof Rule>;
const State = z.looseObject({ Retry: z._default(z.array(Rule), []), Catch: z._default(z.array(Rule), []) });
type State = z.infer<typeof State>;

/** Every state of a machine, however deep, by its name. */
function statesOf(part: unknown, found = new Map<string, State>()): Map<string, State> {
  if (typeof part !== "object" || part === null) return found;
  if ("States" in part && typeof part.States === "object" && part.States !== null)
    for (const [name, state] of Object.entries(part.States)) found.set(name, State.parse(state));
  for (const member of Object.values(part)) statesOf(member, found);
  return found;
}

async function readMachine(name: keyof typeof machines): Promise<Map<string, State>> {
  const file = join(import.meta.dirname, `../../state-machines/${machines[name]}.asl.json`);
  return statesOf(JSON.parse(await readFile(file, "utf8")));
}

/** Every state, Catch and Retry that there is: `deploy RollBack`, `deploy RollBack retry TargetBusy`. */
export async function placesThereAre(): Promise<string[]> {
  const places: string[] = [];
  for (const name of ["DeployMachine", "ReleaseMachine"] as const)
    for (const [state, { Retry, Catch }] of await readMachine(name)) {
      const place = `${machines[name]} ${state}`;
      places.push(place, ...Retry.map((rule) => `${place} ${nameOf("retry", rule, Retry)}`));
      places.push(...Catch.map((rule) => `${place} ${nameOf("catch", rule, Catch)}`));
    }
  return places;
}

/**
 * Judges which places were taken.
 * @param takenBy the seeds that took each.
 * @param outOfReach the places to which no world comes, each with its reason.
 * @returns in words what was taken and what was not; `isWhole` unless a place was neither taken nor is out of reach, or
 *   was taken that is said to be.
 */
export function judgeCoverage(
  places: readonly string[],
  takenBy: ReadonlyMap<string, readonly number[]>,
  outOfReach: Readonly<Record<string, string>>,
): { readonly says: readonly string[]; readonly isWhole: boolean } {
  const missing = places.filter((place) => !takenBy.has(place));
  const unexplained = missing.filter((place) => outOfReach[place] === undefined);
  const explained = missing.filter((place) => outOfReach[place] !== undefined);
  const wrong = Object.keys(outOfReach).filter((place) => takenBy.has(place));
  const rare = places.filter((place) => takenBy.get(place)?.length === 1);
  return {
    isWhole: unexplained.length + wrong.length === 0,
    says: [
      `${places.length - missing.length} of ${places.length} states, Catches and Retries were taken, ${rare.length} of them by one world; ${explained.length} are out of reach`,
      ...unexplained.map((place) => `NOT TAKEN ${place}`),
      ...wrong.map((place) => `NOT OUT OF REACH ${place}: seed ${takenBy.get(place)?.[0]} took it`),
      ...rare.map((place) => `taken by seed ${takenBy.get(place)?.[0]} alone: ${place}`),
      ...explained.map((place) => `out of reach: ${place}, because ${outOfReach[place]}`),
    ],
  };
}

/** By the first error that no rule before it takes. */
function nameOf(kind: "retry" | "catch", rule: Rule, rules: readonly Rule[] = []): string {
  const taken = rules.slice(0, rules.indexOf(rule)).flatMap(({ ErrorEquals }) => ErrorEquals);
  return `${kind} ${rule.ErrorEquals.find((error) => !taken.includes(error)) ?? rule.ErrorEquals[0]}`;
}

/** The states, Catches and Retries that the executions of a world have taken, by their histories. */
export async function placesTaken(world: SimulatedWorld): Promise<Set<string>> {
  const client = clientOf(SFNClient, world.connection.client);
  const taken = new Set<string>();
  for (const name of ["DeployMachine", "ReleaseMachine"] as const) {
    const states = await readMachine(name);
    const stateMachineArn = world.made.machines[name];
    for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn }))
      for (const { executionArn } of executions) {
        const events: HistoryEvent[] = [];
        for await (const page of paginateGetExecutionHistory({ client }, { executionArn }))
          events.push(...(page.events ?? []));
        for (const place of placesIn(events, states)) taken.add(`${machines[name]} ${place}`);
      }
  }
  return taken;
}

function placesIn(events: readonly HistoryEvent[], states: ReadonlyMap<string, State>): string[] {
  const byId = new Map(events.map((event) => [event.id, event]));
  const stateOf = (event: HistoryEvent | undefined): string | undefined => {
    for (let one = event; one !== undefined; one = byId.get(one.previousEventId))
      if (one.stateEnteredEventDetails?.name !== undefined) return one.stateEnteredEventDetails.name;
    return undefined;
  };
  const errorBefore = (event: HistoryEvent | undefined): string | undefined => {
    for (let one = event; one !== undefined; one = byId.get(one.previousEventId)) {
      const error = errorOf(one);
      if (error !== undefined) return error;
    }
    return undefined;
  };
  return events.flatMap((event) => {
    const entered = event.stateEnteredEventDetails?.name;
    if (entered !== undefined) return [entered];
    const before = byId.get(event.previousEventId);
    if (before === undefined || !/(Failed|TimedOut)$/.test(before.type ?? "")) return [];
    const exited = event.stateExitedEventDetails?.name;
    if (exited === undefined && !event.type?.endsWith("Scheduled")) return [];
    // A Parallel or a Map fails with the error of what failed in it, which is further back.
    const name = exited ?? stateOf(before);
    const error = errorBefore(before);
    const state = states.get(name ?? "");
    const [kind, rules] =
      exited === undefined ? (["retry", state?.Retry] as const) : (["catch", state?.Catch] as const);
    const rule = rules?.find(
      ({ ErrorEquals }) => ErrorEquals.includes(error ?? "") || ErrorEquals.includes("States.ALL"),
    );
    return rule === undefined ? [] : [`${name} ${nameOf(kind, rule, rules)}`];
  });
}

/** The error that an event tells of, whatever kind of event it is. */
function errorOf(event: HistoryEvent): string | undefined {
  const details = Object.entries(event).find(([member]) =>
    /(Failed|TimedOut)EventDetails$/.test(member),
  )?.[1];
  if (typeof details !== "object" || details === null) return undefined;
  if ("error" in details && typeof details.error === "string") return details.error;
  return event.type?.endsWith("TimedOut") ? "States.Timeout" : undefined;
}
