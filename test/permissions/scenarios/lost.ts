import { ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { connectBuilds } from "../../../aws/codebuild.ts";
import { connectInRole } from "../../simulation/credentials.ts";
import { oneEnvironment } from "../../simulation/environments.ts";
import type { Scenario } from "../scenario.ts";
import { changed, expand, minutes, reporting, serviceEvents, silence, verified } from "../steps.ts";

/** What nobody hears of, or waits for. */
export const lost: readonly Scenario[] = [
  {
    name: "every event lost",
    config: verified("end-to-end"),
    async play(world) {
      await world.release("aaaaaaa");
      await silence(world, serviceEvents);
      await world.release("bbbbbbb", { migration: expand, stages: { "unit-tests": reporting } });
      await world.release("ccccccc", { migration: expand, crashesOnStart: true });
      await world.release("ddddddd", { migration: expand, stages: { "unit-tests": { passes: false } } });
      await world.release("eeeeeee", { migration: { ...expand, unreachable: true } });
      await minutes(world, 20);
    },
  },
  {
    name: "a push of which nobody hears",
    config: oneEnvironment(),
    async play(world) {
      await minutes(world, 6);
      await silence(world, ["ImagePushed"]);
      await world.push("aaaaaaa");
      await minutes(world, 45);
    },
  },
  {
    name: "a push that is given up, because its migration image does not come",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      await minutes(world, 6);
      await world.push("bbbbbbb", { migration: { ...expand, pushedAfterSeconds: 86_400 } });
      await minutes(world, 300);
    },
  },
  {
    name: "a build and a migration that nobody waits for",
    config: changed(oneEnvironment(), ({ migration }) =>
      Object.assign(migration ?? {}, { timeoutMinutes: 60 }),
    ),
    async play(world) {
      const id = await world.release("aaaaaaa", {
        stages: { "unit-tests": { seconds: 700 } },
        migration: { seconds: 1_000 },
      });
      const { image } = await world.ended(id);
      const roleArn = `arn:aws:iam::${world.aws.world.accountId}:role/spillway-RunStage`;
      const session = { roleArn, sessionName: "spillway-RunStage" };
      const variables = { SPILLWAY_IMAGE: image?.uri ?? "", SPILLWAY_STAGE: "unit-tests" };
      const begin = connectBuilds(connectInRole(world.connection, world.aws.iam, session)).start({
        ...{ project: "spillway-web-unit-tests", commit: undefined, variables, secrets: {} },
        work: "web-gone-1/stage/unit-tests",
      });
      await world.clock.runUntil(begin);
      const { cluster, subnets } = (await world.clock.runUntil(world.records.installation())).resources;
      const task = new RunTaskCommand({
        ...{ cluster, taskDefinition: "spillway-web-production-migration", launchType: "FARGATE" },
        startedBy: "web-gone-1/production/1/migrate-up",
        networkConfiguration: { awsvpcConfiguration: { subnets } },
      });
      await world.clock.runUntil(new ECSClient(world.connection.client).send(task));
      await minutes(world, 16);
    },
  },
];
