import { Branches } from "./branches.ts";
import { Fiber } from "./fiber.ts";
import { runFlow } from "./flow.ts";
import { type Payload, payload } from "./json.ts";
import { openPosition } from "./position.ts";
import { Scope } from "./scope.ts";
import type { ParallelState } from "./state-machine.ts";
import type { Visit } from "./visit.ts";

/** Runs all branches of a Parallel state on the same input; gives the array of their outputs. */
export async function runParallel(visit: Visit, state: ParallelState): Promise<Payload> {
  const { run, fiber, scope, mapContext } = visit;
  const input = state.arguments ? payload(await visit.evaluate(state.arguments)) : visit.input;
  const resumed = visit.resumedBranches;
  if (!resumed) visit.record("ParallelStateStarted");
  const outputs = await Branches.run({
    run,
    parent: fiber,
    concurrency: state.branches.length,
    count: state.branches.length,
    resumed,
    open: (index, previousEventId) => {
      const position = openPosition(resumed, index);
      const branch = new Fiber(position?.enteredId ?? previousEventId);
      const flow = state.branches[index] ?? { startAt: "", states: new Map() };
      const place = { run, fiber: branch, scope: new Scope(scope), mapContext };
      return { fiber: branch, start: () => runFlow(flow, place, input, position) };
    },
  });
  return payload(outputs);
}
