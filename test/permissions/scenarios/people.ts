import { BatchDeleteImageCommand, ECRClient } from "@aws-sdk/client-ecr";
import { exampleWith, oneEnvironment, twoEnvironments } from "../../simulation/environments.ts";
import { createOperator } from "../../simulation/operator.ts";
import type { Scenario } from "../scenario.ts";
import { cancelAt, deleteServices, expand, idOf, minutes, ofBuild, ofTask, pushUntil } from "../steps.ts";

/** What people ask for, and what they do by hand. */
export const people: readonly Scenario[] = [
  {
    name: "a promotion, a rollback and a recovery that a person asks for",
    config: twoEnvironments(),
    async play(world) {
      await world.release("aaaaaaa");
      await world.deploy({ intent: "promote", service: "web", from: "staging", to: "production" });
      await world.release("bbbbbbb");
      await world.deploy({ intent: "promote", service: "web", from: "staging", to: "production" });
      await world.deploy({ intent: "rollback", service: "web", environment: "production" });
      await world.deploy({ intent: "recover", service: "web", environment: "production" });
    },
  },
  {
    name: "releases that a person cancels, in a check and in a migration",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      await cancelAt(
        world,
        "bbbbbbb",
        { stages: { "unit-tests": { seconds: 3_000 } } },
        ofBuild("unit-tests"),
      );
      await cancelAt(world, "ccccccc", { migration: { ...expand, seconds: 300 } }, ofTask);
    },
  },
  {
    name: "releases that people approve, reject and cancel",
    config: exampleWith({ approval: { count: 1 } }),
    async play(world) {
      const ask = (request: object) => createOperator(world, "ada").ask(request);
      for (const [tag, action] of [
        ["aaaaaaa", "approve"],
        ["bbbbbbb", "reject"],
        ["ccccccc", "cancel"],
      ] as const) {
        const digest = await world.push(tag);
        await minutes(world, 3);
        const release = `web-${digest.slice(7, 19)}-1`;
        const where = action === "cancel" ? {} : { environment: "production" };
        await ask({ action, release, ...where, ...(action === "approve" ? {} : { reason: "not today" }) });
        await minutes(world, 10);
      }
    },
  },
  {
    name: "an image that was approved before, and comes again",
    config: exampleWith({ approval: { count: 1 } }),
    async play(world) {
      const approve = async (tag: string) => {
        const release = idOf(await world.push(tag));
        await minutes(world, 3);
        await createOperator(world, "ada").ask({ action: "approve", release, environment: "production" });
        await minutes(world, 10);
        return release;
      };
      await approve("aaaaaaa");
      const release = await approve("bbbbbbb");
      await world.deploy({ intent: "rollback", service: "web", environment: "production" });
      await world.deploy({ intent: "deploy", release, environment: "production" });
    },
  },
  {
    name: "releases in line, of which one is cancelled there and one gets its turn",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      await world.push("bbbbbbb", { migration: { ...expand, seconds: 300 } });
      await minutes(world, 2);
      const waiting = await world.push("ccccccc");
      await minutes(world, 2);
      await world.start({ cancel: idOf(waiting), reason: "the wrong logo" });
      await world.push("ddddddd");
      await minutes(world, 20);
    },
  },
  {
    name: "what a person cancels at the operator's door: a check, a migration and a place in line",
    config: oneEnvironment(),
    async play(world) {
      const cancel = (digest: string) =>
        createOperator(world, "ada").ask({ action: "cancel", release: idOf(digest), reason: "not now" });
      await world.release("aaaaaaa");
      await cancel(
        await pushUntil(
          world,
          "bbbbbbb",
          { stages: { "unit-tests": { seconds: 3_000 } } },
          ofBuild("unit-tests"),
        ),
      );
      await minutes(world, 10);
      const migrating = await pushUntil(world, "ccccccc", { migration: { ...expand, seconds: 600 } }, ofTask);
      const waiting = await world.push("ddddddd");
      await minutes(world, 2);
      await cancel(waiting);
      await cancel(migrating);
      await minutes(world, 30);
    },
  },
  {
    name: "a service that a person deletes by hand, and has recovered",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      await minutes(world, 6);
      await world.clock.runUntil(deleteServices(world));
      await minutes(world, 6);
      await world.deploy({ intent: "recover", service: "web", environment: "production" });
    },
  },
  {
    name: "a live image that a person deletes",
    config: oneEnvironment(),
    async play(world) {
      const id = await world.release("aaaaaaa");
      const { image } = await world.ended(id);
      const images = new ECRClient(world.connection.client);
      const imageIds = [{ imageDigest: image?.digest }];
      await world.clock.runUntil(
        images.send(new BatchDeleteImageCommand({ repositoryName: "web", imageIds })),
      );
      await minutes(world, 11);
    },
  },
  {
    name: "a service that somebody deletes while its release is ill",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      world.before("RollBack", () => deleteServices(world));
      await world.release("bbbbbbb", { healthStatus: 500 });
    },
  },
];
