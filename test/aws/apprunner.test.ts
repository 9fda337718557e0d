import { AppRunnerClient, DeleteServiceCommand, DescribeServiceCommand } from "@aws-sdk/client-apprunner";
import { expect, it } from "vitest";
import { connectAppRunner, probeAppRunner } from "../../aws/apprunner.ts";
import type { RuntimeSettings } from "../../core/settings.ts";
import { createWorld } from "../simulation/world.ts";
import { describeTarget } from "./target-contract.ts";

const settings: RuntimeSettings = {
  port: 8080,
  cpu: "256",
  memory: "512",
  variables: {},
  secrets: {},
  healthPath: "/health",
  healthCheck: { intervalSeconds: 1, timeoutSeconds: 2, healthyThreshold: 1, unhealthyThreshold: 5 },
  accessRoleArn: "arn:aws:iam::000000000000:role/access",
  instanceRoleArn: "arn:aws:iam::000000000000:role/instance",
  vpcConnectorArn: undefined,
};

describeTarget("App Runner", async () => {
  const world = await createWorld();
  const target = connectAppRunner(world.connection);
  const { clock } = world;
  return {
    target,
    settings,
    // A tag of its own service's repository starts a release as well; that one is no matter here.
    image: async (name, works) => {
      const digest = await world.push(name, works ? {} : { probeStatus: 500 });
      return `${world.aws.images.uri("web")}@${digest}`;
    },
    run: (work) => clock.runUntil(work),
    async settle(operation) {
      for (
        let looks = 0;
        looks < 100 && (await clock.runUntil(target.look(operation))) === undefined;
        looks++
      )
        await clock.advance(1_000);
    },
    now: clock.now,
    close: () => world.close(),
  };
});

it("lists the services once to find one, and again only when that is gone", async () => {
  const world = await createWorld();
  try {
    const { clock, requests } = world;
    const target = connectAppRunner(world.connection);
    const client = new AppRunnerClient(world.connection.client);
    const imageUri = `${world.aws.images.uri("web")}@${await world.push("one", {})}`;
    const start = async () => {
      const { arn } = await clock.runUntil(target.start({ name: "web-again", imageUri, settings }));
      await clock.advance(60_000);
      return arn;
    };
    const describe = async () => {
      const before = requests.get("AppRunner.ListServices") ?? 0;
      const { arn } = await clock.runUntil(target.describe("web-again"));
      return { arn, lists: (requests.get("AppRunner.ListServices") ?? 0) - before };
    };
    const first = await start();
    expect(await describe()).toEqual({ arn: first, lists: 1 });
    expect(await describe()).toEqual({ arn: first, lists: 0 });
    await clock.runUntil(client.send(new DeleteServiceCommand({ ServiceArn: first })));
    await clock.advance(60_000);
    expect(await describe()).toEqual({ arn: undefined, lists: 1 });
    const second = await start();
    expect(second).not.toBe(first);
    expect(await describe()).toEqual({ arn: second, lists: 1 });
  } finally {
    await world.close();
  }
});

it("reaches a private network by the connector it is told, and keeps it", async () => {
  const world = await createWorld();
  try {
    const target = connectAppRunner(world.connection);
    const vpcConnectorArn = "arn:aws:apprunner:us-east-1:000000000000:vpcconnector/spillway/1/0a";
    const imageUri = `${world.aws.images.uri("web")}@${await world.push("one", {})}`;
    const start = (settings: RuntimeSettings) =>
      world.clock.runUntil(target.start({ name: "web-private", imageUri, settings }));
    const first = await start({ ...settings, vpcConnectorArn });
    await world.clock.advance(60_000);
    const second = await start(settings);
    const client = new AppRunnerClient(world.connection.client);
    const { Service } = await world.clock.runUntil(
      client.send(new DescribeServiceCommand({ ServiceArn: first.arn })),
    );
    expect(second.arn).toBe(first.arn);
    expect(Service?.NetworkConfiguration?.EgressConfiguration).toEqual({
      EgressType: "VPC",
      VpcConnectorArn: vpcConnectorArn,
    });
  } finally {
    await world.close();
  }
});

it("can tell whether the account uses App Runner", async () => {
  const world = await createWorld();
  try {
    expect(await world.clock.runUntil(probeAppRunner(world.connection))).toBe("unused");
    const imageUri = `${world.aws.images.uri("web")}@${await world.push("one", {})}`;
    await world.clock.runUntil(
      connectAppRunner(world.connection).start({ name: "web-first", imageUri, settings }),
    );
    expect(await world.clock.runUntil(probeAppRunner(world.connection))).toBe("used");
  } finally {
    await world.close();
  }
});
