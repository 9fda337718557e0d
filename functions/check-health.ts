import * as z from "zod/mini";
import { connectAppRunner } from "../aws/apprunner.ts";
import { probe } from "../aws/http.ts";
import { SpillwayError } from "../core/errors.ts";
import { beginHealth, describeHealth, HealthState, judgeHealth, type Verdict } from "../core/health.ts";
import { targetName } from "../core/names.ts";
import { environmentOf } from "../core/settings.ts";
import { DeploymentInput, readDeployment } from "./deployment.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.extend(DeploymentInput, {
  /** What the last look remembered; null at the first. */
  health: z.nullable(HealthState),
});

interface Answer {
  /** Undecided while another look is needed. */
  readonly verdict: Verdict | "undecided";
  readonly health: HealthState;
  readonly description: string;
}

/** Looks once at the environment's health path and judges what was seen so far. */
export const checkHealth: FunctionDefinition<typeof Input, Answer> = {
  name: "CheckHealth",
  input: Input,
  async run(input, place) {
    const { release } = await readDeployment(input, place);
    const rules = environmentOf(release, input.environment).environment.health;
    const name = targetName(release.installation.resources.prefix, release.service, input.environment);
    const { url } = await connectAppRunner(place.connection).describe(name);
    if (url === undefined) throw new SpillwayError("TargetFailed", `The target ${name} has no URL to ask.`);
    const look = await probe(place.connection, new URL(rules.path, url), rules.timeoutSeconds);
    const { state, verdict } = judgeHealth(rules, input.health ?? beginHealth(look.at), look);
    return { verdict: verdict ?? "undecided", health: state, description: describeHealth(state) };
  },
};

export const handler = createHandler(checkHealth);
