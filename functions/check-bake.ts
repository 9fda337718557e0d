import * as z from "zod/mini";
import { connectAppRunner } from "../aws/apprunner.ts";
import { connectCloudWatch } from "../aws/cloudwatch.ts";
import type { Connection } from "../aws/connection.ts";
import { type BakeLook, BakeState, beginBake, judgeBake } from "../core/bake.ts";
import type { BakeConfig } from "../core/config.ts";
import { SpillwayError } from "../core/errors.ts";
import { environmentOf, targetOf } from "../core/settings.ts";
import { DeploymentInput, readWantedPlaced, updateDeployment } from "./deployment.ts";
import { connectionTo } from "./environment-connection.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";
import { lookAtService } from "./service-look.ts";

const Input = z.extend(DeploymentInput, {
  /** What the last look remembered; null at the first. */
  bake: z.nullable(BakeState),
});

interface Answer {
  /** What to do: look again while undecided; with what cannot be told, what the config wants. */
  readonly decision: "undecided" | "healthy" | "unhealthy" | "hold" | "rollBack";
  readonly bake: BakeState;
  readonly why: string;
}

/** Looks once at a release that bakes and judges what was seen so far; a verdict is kept with its last look. */
export const checkBake: FunctionDefinition<typeof Input, Answer> = {
  name: "CheckBake",
  input: Input,
  async run(input, place) {
    const open = await readWantedPlaced(input, place);
    const { release, deployment } = open;
    const { ahead } = open.environment;
    const { environment, switched } = deployment;
    const { health, bake } = environmentOf(release, environment).environment;
    if (bake === undefined)
      throw new SpillwayError("InvalidConfig", `${environment} has no bake in the config of ${release.id}.`);
    const connection = connectionTo(place, release, environment);
    const name = targetOf(release, environment);
    const { url, arn } = await connectAppRunner(connection).describe(name);
    if (url === undefined || arn === undefined)
      throw new SpillwayError("TargetFailed", `The target ${name} has no URL to ask.`);
    const before = input.bake ?? beginBake(place.connection.now());
    const seen = await lookAtService(place, health, url, release.commit);
    const look = { health: seen, ...(await askCloudWatch(connection, bake, arn, before.startedAt)) };
    const judged = judgeBake({ ...bake, health }, before, look, switched?.begunAt ?? 0);
    const { state, verdict, why } =
      ahead === undefined || judged.verdict !== undefined
        ? judged
        : { ...judged, verdict: "inconclusive" as const, why: `${ahead.reason} does not wait for its end` };
    if (verdict === undefined) return { decision: "undecided", bake: state, why };
    await updateDeployment(open, { bake: { verdict, why, state } });
    return { decision: verdict === "inconclusive" ? decide(bake, ahead) : verdict, bake: state, why };
  },
};

/** A person who goes back decides alone to what. */
function decide({ whenInconclusive }: BakeConfig, ahead: object | undefined): "hold" | "rollBack" {
  return ahead === undefined ? whenInconclusive : "hold";
}

/** CloudWatch that does not answer says nothing about a release. */
async function askCloudWatch(
  connection: Connection,
  { alarms, errorPercent }: BakeConfig,
  target: string,
  since: number,
): Promise<Pick<BakeLook, "alarms" | "traffic" | "unknown">> {
  const cloudwatch = connectCloudWatch(connection);
  try {
    return {
      alarms: await cloudwatch.alarms(alarms),
      ...(errorPercent === undefined
        ? {}
        : { traffic: await cloudwatch.traffic(target, since, connection.now()) }),
    };
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    return { alarms: [], unknown: `CloudWatch did not say: ${error.message}` };
  }
}

export const handler = createHandler(checkBake);
