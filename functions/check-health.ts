import * as z from "zod/mini";
import { connectAppRunner } from "../aws/apprunner.ts";
import { refuseCancelled } from "../core/cancel.ts";
import { SpillwayError } from "../core/errors.ts";
import { beginHealth, describeHealth, HealthState, judgeHealth, type Verdict } from "../core/health.ts";
import { environmentOf, targetOf } from "../core/settings.ts";
import { DeploymentInput, type OpenDeployment, readDeployment, updateDeployment } from "./deployment.ts";
import { connectionTo } from "./environment-connection.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { lookAtService } from "./service-look.ts";

const Phase = z.enum(["deployed", "restored"]);

const Input = z.extend(DeploymentInput, {
  /** What the last look remembered; null at the first. */
  health: z.nullable(HealthState),
  /** What should answer: the release that was deployed, or its predecessor that was brought back. */
  phase: Phase,
});

interface Answer {
  /** Undecided while another look is needed. */
  readonly verdict: Verdict | "undecided";
  readonly health: HealthState;
  readonly description: string;
  /** Where the service answers. */
  readonly url: string;
}

/** Looks once at the environment's health path and judges what was seen so far; a verdict is kept with its looks. */
export const checkHealth: FunctionDefinition<typeof Input, Answer> = {
  name: "CheckHealth",
  input: Input,
  async run(input, place) {
    const open = await readDeployment(input, place);
    const { release, deployment } = open;
    if (input.phase === "deployed") refuseCancelled(release, deployment);
    const { environment } = deployment;
    const rules = environmentOf(release, environment).environment.health;
    const name = targetOf(release, environment);
    const { url } = await connectAppRunner(connectionTo(place, release, environment)).describe(name);
    if (url === undefined) throw new SpillwayError("TargetFailed", `The target ${name} has no URL to ask.`);
    const { commit } = input.phase === "deployed" ? release : (deployment.previous ?? {});
    const look = await lookAtService(place, rules, url, commit);
    const { state, verdict } = judgeHealth(rules, input.health ?? beginHealth(look.at), look);
    if (verdict !== undefined) await keep(open, input.phase, verdict, state);
    return { verdict: verdict ?? "undecided", health: state, description: describeHealth(state), url };
  },
};

/** One verdict for each phase: a retry whose answer was lost writes over its own. */
async function keep(
  open: OpenDeployment,
  phase: z.infer<typeof Phase>,
  verdict: Verdict,
  state: HealthState,
): Promise<void> {
  const others = (open.deployment.health ?? []).filter((kept) => kept.phase !== phase);
  await updateDeployment(open, { health: [...others, { phase, verdict, state }] });
}

export const handler = createHandler(checkHealth);
