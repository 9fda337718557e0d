import { Branches } from "./branches.ts";
import { Fiber } from "./fiber.ts";
import { runFlow } from "./flow.ts";
import { isArray, type JsonArray, type JsonObject, type Payload, payload } from "./json.ts";
import { openPosition } from "./position.ts";
import { Scope } from "./scope.ts";
import type { MapState } from "./state-machine.ts";
import type { Visit } from "./visit.ts";

const MOST = Number.MAX_SAFE_INTEGER;

interface Iteration {
  readonly input: Payload;
  readonly mapContext: JsonObject;
}

/**
 * Runs the item processor of an inline Map for each item, at most MaxConcurrency at a time; gives the array of
 * the outputs. A tolerated failure stands in it as {Error, Cause}, so that outputs keep the places of their items.
 */
export async function runMap(visit: Visit, state: MapState): Promise<Payload> {
  const { run, fiber, scope } = visit;
  const items = await mapItems(visit, state);
  const concurrency = await visit.evaluateNumber(state.maxConcurrency, 0, MOST);
  const tolerates = await tolerance(visit, state, items.length);
  const iterations = await mapIterations(visit, state, items);
  const resumed = visit.resumedBranches;
  if (!resumed) visit.record("MapStateStarted", { mapStateStartedEventDetails: { length: items.length } });
  const outputs = await Branches.run({
    run,
    parent: fiber,
    // 0, like nothing at all, means as many as AWS can run.
    concurrency: concurrency || MOST,
    count: iterations.length,
    tolerates,
    resumed,
    open: (index, previousEventId) => {
      const details = { name: state.name, index };
      const position = openPosition(resumed, index);
      const id =
        position?.enteredId ??
        run.history.append("MapIterationStarted", previousEventId, {
          mapIterationStartedEventDetails: details,
        });
      const iteration = iterations[index] ?? { input: visit.input, mapContext: {} };
      const branch = new Fiber(id, details);
      const place = { run, fiber: branch, scope: new Scope(scope), mapContext: iteration.mapContext };
      return { fiber: branch, start: () => runFlow(state.processor, place, iteration.input, position) };
    },
  });
  return payload(outputs);
}

/** The array that a Map goes through. */
export async function mapItems(visit: Visit, state: MapState): Promise<JsonArray> {
  const value = state.items ? await visit.evaluate(state.items) : visit.input.value;
  if (isArray(value)) return value;
  if (state.items) throw visit.unexpected(state.items, "array", value);
  throw visit.evaluationFailed(
    `Map state input must be an array but was: ${JSON.stringify(value)}`,
    undefined,
  );
}

/** What each iteration of a Map gets. */
export async function mapIterations(visit: Visit, state: MapState, items: JsonArray): Promise<Iteration[]> {
  const iterations: Iteration[] = [];
  for (const [index, item] of items.entries()) {
    const mapContext = { Item: { Index: index, Value: item } };
    const value = state.itemSelector ? await visit.evaluate(state.itemSelector, {}, mapContext) : item;
    iterations.push({ input: payload(value), mapContext });
  }
  return iterations;
}

/** Whether a number of failures is borne: below both limits, where both are given. Undefined without any. */
async function tolerance(visit: Visit, state: MapState, length: number) {
  return toleranceOf(await mapLimits(visit, state), length);
}

/** How many iterations of a Map may run at a time and fail, each as far as it is said. */
export interface MapLimits {
  readonly count: number | undefined;
  readonly percentage: number | undefined;
}

/** How many failures a Map bears, as far as its fields say. */
export async function mapLimits(visit: Visit, state: MapState): Promise<MapLimits> {
  const count = await visit.evaluateNumber(state.toleratedFailureCount, 0, MOST);
  const percentage = await visit.evaluateNumber(state.toleratedFailurePercentage, 0, 100, "real");
  return { count, percentage };
}

export function toleranceOf({ count, percentage }: MapLimits, length: number) {
  if (count === undefined && percentage === undefined) return undefined;
  return (failures: number) =>
    failures <= (count ?? MOST) && (percentage === undefined || (failures / length) * 100 <= percentage);
}
