import {
  BatchGetBuildsCommand,
  CodeBuildClient,
  ListBuildsForProjectCommand,
  StartBuildCommand,
} from "@aws-sdk/client-codebuild";
import { ECSClient, ListTasksCommand } from "@aws-sdk/client-ecs";
import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SFNClient, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import { connectImages } from "../aws/ecr.ts";
import { connectTaskStarts } from "../aws/ecs-start.ts";
import { readStatus, renderStatus } from "../cli/environment-status.ts";
import type { ConfigInput } from "../core/config.ts";
import { exampleWith, oneEnvironment } from "./simulation/environments.ts";
import type { Seams } from "./simulation/seams.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
let loses = false;
afterEach(() => {
  loses = false;
  return world.close();
});

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const minutes = (count: number) => world.clock.advance(count * 60_000);
const status = async () => renderStatus(await run(readStatus(world.records, {})));

/** The example, whose checks are given hours. */
function patient(): ConfigInput {
  const config = oneEnvironment();
  for (const stage of Object.values(config.services.web?.stages ?? {})) stage.timeoutMinutes = 240;
  return config;
}

/** A world in which the answer to one start of a build is lost, with the function that asked. */
const seams = (): Seams => ({
  async call({ operation, invocation }, send) {
    const answer = await send();
    if (!loses || invocation === undefined || operation !== "CodeBuild_20161006.StartBuild") return answer;
    loses = false;
    invocation.kill();
    return new Promise(() => {});
  },
});

const buildsOf = async (stage: string) => {
  const codebuild = new CodeBuildClient(world.connection.client);
  const { ids = [] } = await run(
    codebuild.send(new ListBuildsForProjectCommand({ projectName: `spillway-web-${stage}` })),
  );
  if (ids.length === 0) return [];
  const { builds = [] } = await run(codebuild.send(new BatchGetBuildsCommand({ ids })));
  return builds;
};

/** Releases whose unit tests take hours; the first build of them is lost with its answer, and the release is stopped. */
async function loseABuild() {
  world = await createWorld(1, patient(), {}, { seams });
  await world.release("aaaaaaa");
  const hours = { seconds: 3 * 3600 };
  loses = true;
  await world.push("bbbbbbb", { stages: { "unit-tests": hours, "static-analysis": hours } });
  while (loses) await world.clock.advance(100);
  const [release] = await run(world.records.openReleases());
  if (release === undefined) throw new Error("there is no release");
  const states = new SFNClient(world.connection.client);
  await run(states.send(new StopExecutionCommand({ executionArn: release.executionArn, cause: "enough" })));
  return release;
}

const goingOn = async () =>
  [...(await buildsOf("unit-tests")), ...(await buildsOf("static-analysis"))].filter(
    ({ buildStatus }) => buildStatus === "IN_PROGRESS",
  );

describe("a build that nobody waits for", () => {
  it("is stopped, if its answer was lost and its release has ended", async () => {
    const { id } = await loseABuild();
    await minutes(2);
    expect(await run(world.records.requireRelease(id))).toMatchObject({ outcome: "Cancelled" });
    expect(await goingOn()).toHaveLength(1);
    await minutes(20);
    expect(await goingOn()).toEqual([]);
    const ended = [...(await buildsOf("unit-tests")), ...(await buildsOf("static-analysis"))];
    expect(ended.filter(({ buildStatus }) => buildStatus === "STOPPED")).toHaveLength(1);
  });

  it("is left alone if a person started it, also with the variables of a release", async () => {
    world = await createWorld(1, patient());
    await world.release("aaaaaaa", { stages: { "unit-tests": { seconds: 3_000 } } });
    const [first] = await buildsOf("unit-tests");
    const { signer: _, ...client } = world.connection.client;
    const ada = new CodeBuildClient({
      ...client,
      credentials: { accessKeyId: "ada", secretAccessKey: "hers" },
    });
    const again = new StartBuildCommand({
      projectName: "spillway-web-unit-tests",
      environmentVariablesOverride: first?.environment?.environmentVariables,
    });
    const { build } = await run(ada.send(again));
    expect(build?.initiator).toBe("ada");
    await minutes(30);
    expect((await goingOn()).map(({ arn }) => arn)).toEqual([build?.arn]);
  });

  it("is looked for without asking again about those that have ended", async () => {
    world = await createWorld(1, patient());
    await world.release("aaaaaaa");
    await minutes(20);
    const asked = () => ({
      lists: world.requests.get("CodeBuild_20161006.ListBuildsForProject") ?? 0,
      looks: world.requests.get("CodeBuild_20161006.BatchGetBuilds") ?? 0,
    });
    const before = asked();
    await minutes(60);
    expect(asked().lists).toBeGreaterThan(before.lists);
    expect(asked().looks).toBe(before.looks);
  });

  it("is none of those that somebody waits for, however long they take", async () => {
    world = await createWorld(1, patient());
    const id = await world.release("aaaaaaa", { stages: { "unit-tests": { seconds: 45 * 60 } } });
    expect(await run(world.records.requireRelease(id))).toMatchObject({ outcome: "Released" });
  });
});

describe("a migration task that nobody waits for", () => {
  const begin = async (work: string, seconds: number) => {
    world = await createWorld(1, exampleWith({}));
    await world.release("aaaaaaa");
    const { resources } = await run(world.records.installation());
    const bus = new EventBridgeClient(world.connection.client);
    await run(bus.send(new DisableRuleCommand({ Name: "ImagePushed" })));
    await world.push("bbbbbbb", { migration: { seconds } });
    const { uri } = await run(
      connectImages(world.connection).pin(resources.registry, "web-migrate", { tag: "bbbbbbb" }),
    ).then(({ image }) => image);
    const roles = resources.environmentRoles["web/production"];
    const arn = await run(
      connectTaskStarts(world.connection).run({
        ...{ work, family: "spillway-web-production-migration", command: ["up"] },
        imageUri: uri,
        secrets: { DATABASE_URL: `${resources.secrets["web/production/database"]}:url::` },
        cluster: resources.cluster,
        subnets: resources.subnets,
        securityGroups: resources.securityGroups,
        publicAddress: resources.publicAddress,
        executionRoleArn: roles?.migrationExecution ?? "",
        taskRoleArn: resources.migrationTaskRoleArn,
        logGroup: resources.migrationLogGroup,
        region: "us-east-1",
      }),
    );
    return { arn, cluster: resources.cluster };
  };
  const running = async (cluster: string) => {
    const ecs = new ECSClient(world.connection.client);
    return (await run(ecs.send(new ListTasksCommand({ cluster })))).taskArns;
  };

  it("is told on the record of its environment as long as it goes on, and not stopped", async () => {
    const { arn, cluster } = await begin("web-gone-1/production/1/migrate-up", 3_600);
    await minutes(20);
    expect(await running(cluster)).toEqual([arn]);
    expect(await status()).toContain(`  task         The task ${arn} (web-gone-1/production/1/migrate-up)`);
    expect(await status()).toContain(`aws ecs stop-task --cluster ${cluster} --task ${arn}`);
    await minutes(60);
    expect(await running(cluster)).toEqual([]);
    expect(await status()).not.toContain("The task");
  });
});
