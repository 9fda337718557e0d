import { AppRunnerClient, DescribeServiceCommand, ListServicesCommand } from "@aws-sdk/client-apprunner";
import { afterEach, describe, expect, it } from "vitest";
import { reconfigure } from "./simulation/reconfigure.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);

/** What the running service is told: the variables, by name. */
async function toldNow(): Promise<Readonly<Record<string, string>>> {
  const apprunner = new AppRunnerClient(world.connection.client);
  const { ServiceSummaryList: [service] = [] } = await run(apprunner.send(new ListServicesCommand({})));
  const { Service } = await run(
    apprunner.send(new DescribeServiceCommand({ ServiceArn: service?.ServiceArn })),
  );
  return Service?.SourceConfiguration?.ImageRepository?.ImageConfiguration?.RuntimeEnvironmentVariables ?? {};
}

describe("the same image, released once more with other settings", () => {
  it("goes back to the settings that were live when it is ill with the others", async () => {
    world = await createWorld();
    // From then on it is ill, whatever it is told.
    await world.release("aaaaaaa", { failsFrom: world.clock.now() + 30 * 60_000 });
    await world.clock.advance(40 * 60_000);
    const before = await toldNow();
    await reconfigure(world, ["target", "variables"], { FEATURE: "on" });
    const digest = (await run(world.records.environment("web", "production"))).live?.image.digest ?? "";
    await world.start({ service: "web", digest });
    const again = `web-${digest.slice(7, 19)}-2`;
    const [deployment] = await run(world.records.deployments(again));
    expect(deployment?.health?.at(0)).toMatchObject({ phase: "deployed", verdict: "unhealthy" });
    expect(deployment?.rollback?.action).toBe("restored");
    expect(await toldNow()).toEqual(before);
  });
});
