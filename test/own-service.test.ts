import { AppRunnerClient, CreateServiceCommand, paginateListServices } from "@aws-sdk/client-apprunner";
import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../core/config.ts";
import { oneEnvironment } from "./simulation/environments.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

function named(name: string): ConfigInput {
  const config = oneEnvironment();
  Object.assign(config.services.web?.environments.production?.target ?? {}, { name });
  return config;
}

/** Lets nobody look for what ended, so that it must be heard of. */
async function stopLooking(): Promise<void> {
  const bus = new EventBridgeClient(world.connection.client);
  await world.clock.runUntil(bus.send(new DisableRuleCommand({ Name: "EveryMinute" })));
}

async function services(): Promise<string[]> {
  const client = new AppRunnerClient(world.connection.client);
  const names: string[] = [];
  for await (const { ServiceSummaryList = [] } of paginateListServices({ client }, {}))
    names.push(...ServiceSummaryList.map(({ ServiceName = "" }) => ServiceName));
  return names;
}

describe("a service of App Runner whose name the config says", () => {
  it("is deployed to and rolled back, and none is made beside it", async () => {
    world = await createWorld(1, named("links-live"));
    await stopLooking();
    const client = new AppRunnerClient(world.connection.client);
    const { clock } = world;
    // As a team would have made it, before Spillway came; of an image that Spillway then finds in it.
    world.before("AdmitDeployment", async () => {
      await client.send(
        new CreateServiceCommand({
          ServiceName: "links-live",
          SourceConfiguration: {
            AutoDeploymentsEnabled: false,
            ImageRepository: {
              ImageIdentifier: "000000000000.dkr.ecr.us-east-1.amazonaws.com/web:aaaaaaa",
              ImageRepositoryType: "ECR",
              ImageConfiguration: { Port: "8080" },
            },
          },
        }),
      );
    });
    const first = await world.release("aaaaaaa");
    expect(await world.ended(first)).toMatchObject({ outcome: "Released" });
    const second = await world.release("bbbbbbb");
    expect(await world.ended(second)).toMatchObject({ outcome: "Released" });
    const ill = await world.release("ccccccc", { probeStatus: 500, healthStatus: 500 });
    expect(await world.ended(ill)).toMatchObject({ outcome: "RolledBack" });
    expect(world.serving()).toBe("bbbbbbb");
    expect(await clock.runUntil(services())).toEqual(["links-live"]);
  });

  it("is made under that name where there is none", async () => {
    world = await createWorld(1, named("links-live"));
    await stopLooking();
    const id = await world.release("aaaaaaa");
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    expect(await world.clock.runUntil(services())).toEqual(["links-live"]);
  });
});
