import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { readScope, ScopeInput } from "./stage-scope.ts";
import { stopBuilds } from "./stopping.ts";

/** Stops the builds of a failed release that still run, or those that verify a failed deployment. */
export const stopStages: FunctionDefinition<typeof ScopeInput, { stopped: string[] }> = {
  name: "StopStages",
  input: ScopeInput,
  async run(input, place) {
    return { stopped: await stopBuilds(place, readScope(input).key, "stopped because another build failed") };
  },
};

export const handler = createHandler(stopStages);
