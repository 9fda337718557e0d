import { connectAppRunner } from "../../aws/apprunner.ts";
import { createWorld } from "../simulation/world.ts";
import { describeTarget } from "./target-contract.ts";

describeTarget("App Runner", async () => {
  const world = await createWorld();
  const target = connectAppRunner(world.connection);
  const { clock } = world;
  return {
    target,
    settings: {
      port: 8080,
      cpu: "256",
      memory: "512",
      variables: {},
      secrets: {},
      healthPath: "/health",
      healthCheck: { intervalSeconds: 1, timeoutSeconds: 2, healthyThreshold: 1, unhealthyThreshold: 5 },
      accessRoleArn: "arn:aws:iam::000000000000:role/access",
      instanceRoleArn: "arn:aws:iam::000000000000:role/instance",
    },
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
