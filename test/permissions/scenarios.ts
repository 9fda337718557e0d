import { AppRunnerClient, DeleteServiceCommand, paginateListServices } from "@aws-sdk/client-apprunner";
import { BatchDeleteImageCommand, ECRClient } from "@aws-sdk/client-ecr";
import { ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { DisableRuleCommand, EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { SFNClient, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { connectBuilds } from "../../aws/codebuild.ts";
import type { ConfigInput } from "../../core/config.ts";
import type { ServiceEvent } from "../../local/world.ts";
import { connectInRole } from "../simulation/credentials.ts";
import { exampleWith, oneEnvironment, twoEnvironments } from "../simulation/environments.ts";
import { refuse } from "../simulation/faults.ts";
import { createOperator } from "../simulation/operator.ts";
import type { Seams } from "../simulation/seams.ts";
import type { Behaviour, SimulatedWorld } from "../simulation/world.ts";

/** Something that happens to an installation, in a world of its own. */
export interface Scenario {
  readonly name: string;
  readonly config: ConfigInput;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Operations whose first answer to each function is lost: `CodeBuild_20161006.StartBuild`. They took effect. */
  readonly loses?: readonly string[];
  play(world: SimulatedWorld): Promise<unknown>;
}

const expand = { after: "0002", history: ["0001", "0002"], readableFrom: "0001" };
const holidays = { start: "2026-12-24T00:00", duration: "P3D", timeZone: "UTC", reason: "nobody is there" };
const commit = "3f2a91c0d4e5".padEnd(40, "0");
const serviceEvents = ["BuildEnded", "TaskStopped", "TargetOperationEnded"];
const minutes = (world: SimulatedWorld, count: number) => world.clock.advance(count * 60_000);

function changed(config: ConfigInput, change: (web: ConfigInput["services"][string]) => void): ConfigInput {
  const { web } = config.services;
  if (web === undefined) throw new Error("the example has a service web");
  change(web);
  return config;
}

/** Loses the first answer that each function gets of these operations. */
export function losing(operations: readonly string[]): Seams {
  const lost = new Set<string>();
  return {
    async call({ operation, invocation }, send) {
      const answer = await send();
      const what = `${invocation?.name} ${operation}`;
      if (invocation === undefined || !operations.includes(operation) || lost.has(what)) return answer;
      lost.add(what);
      return refuse(500, "InternalServerError", "Internal failure");
    },
  };
}

/** Lets rules hear nothing from now on. */
async function silence(world: SimulatedWorld, rules: readonly string[]): Promise<void> {
  const bus = new EventBridgeClient(world.connection.client);
  for (const Name of rules) await world.clock.runUntil(bus.send(new DisableRuleCommand({ Name })));
}

/** Lets time pass until an event is told. */
async function until(world: SimulatedWorld, isIt: (event: ServiceEvent) => boolean, from: number) {
  for (let step = 0; step < 2_000; step++) {
    if (world.events.slice(from).some(isIt)) return;
    await world.clock.advance(500);
  }
  throw new Error("what was waited for did not come");
}

/** Pushes a release, and stops the newest execution of a machine as soon as an event is told. */
async function breakOff(
  world: SimulatedWorld,
  machine: "DeployMachine" | "ReleaseMachine",
  behaviour: Behaviour,
  when: (event: ServiceEvent) => boolean,
): Promise<void> {
  const from = world.events.length;
  await world.push("bbbbbbb", behaviour);
  await until(world, when, from);
  const started = world.events.findLast(
    ({ detail }) => detail.stateMachineArn === world.made.machines[machine] && detail.status === "RUNNING",
  );
  const executionArn = String(started?.detail.executionArn);
  const states = new SFNClient(world.connection.client);
  await world.clock.runUntil(states.send(new StopExecutionCommand({ executionArn, cause: "enough" })));
  await minutes(world, 20);
}

const idOf = (digest: string) => `web-${digest.slice(7, 19)}-1`;

/** Pushes a release and waits until an event is told. @returns its digest */
async function pushUntil(
  world: SimulatedWorld,
  tag: string,
  behaviour: Behaviour,
  when: (event: ServiceEvent) => boolean,
): Promise<string> {
  const from = world.events.length;
  const digest = await world.push(tag, behaviour);
  await until(world, when, from);
  return digest;
}

/** Deletes every service of App Runner, as somebody would who takes them for rubbish. */
async function deleteServices({ connection }: SimulatedWorld): Promise<void> {
  const client = new AppRunnerClient(connection.client);
  for await (const { ServiceSummaryList = [] } of paginateListServices({ client }, {}))
    for (const { ServiceArn } of ServiceSummaryList)
      await client.send(new DeleteServiceCommand({ ServiceArn }));
}

/** Pushes a release, and cancels it as soon as an event is told. */
async function cancelAt(
  world: SimulatedWorld,
  tag: string,
  behaviour: Behaviour,
  when: (event: ServiceEvent) => boolean,
): Promise<void> {
  const digest = await pushUntil(world, tag, behaviour, when);
  await world.start({ cancel: idOf(digest), reason: "the wrong logo" });
  await minutes(world, 20);
}

const ofTarget = (status: string) => (event: ServiceEvent) =>
  event.source === "aws.apprunner" && event.detail.operationStatus === status;
const ofTask = (event: ServiceEvent) =>
  event.source === "aws.ecs" &&
  event.detail.lastStatus === "RUNNING" &&
  JSON.stringify(event.detail).includes("migrate-up");
const ofBuild = (stage: string) => (event: ServiceEvent) =>
  event.detail["project-name"] === `spillway-web-${stage}`;

const verified = () =>
  changed(exampleWith({ verification: [["end-to-end"]] }), ({ stages }) =>
    Object.assign(stages, { "end-to-end": { buildspec: "e2e.yml" } }),
  );

/** What an installation goes through in its life. Every right that Spillway grants is needed by one of these. */
export const scenarios: readonly Scenario[] = [
  {
    name: "releases that go well, with reports, artifacts, secrets of a build and a migration",
    config: changed(oneEnvironment(), ({ stages }) =>
      Object.assign(stages["unit-tests"] ?? {}, { needs: "image", secrets: { TOKEN: "scanner:token" } }),
    ),
    secrets: { scanner: '{"token":"planted"}' },
    async play(world) {
      const artifacts = [{ identifier: undefined, location: "arn:aws:s3:::spillway-artifacts/one" }];
      const reports: NonNullable<Behaviour["stages"]>[string]["reports"] = [
        { group: "unit", type: "TEST", content: undefined },
        { group: "coverage", type: "CODE_COVERAGE", content: undefined },
      ];
      await world.release("aaaaaaa", { stages: { "unit-tests": { pulls: true, reports, artifacts } } });
      await world.release("bbbbbbb", { migration: expand });
    },
  },
  {
    name: "a check that fails, and those that run beside it",
    config: oneEnvironment(),
    play: (world) =>
      world.release("aaaaaaa", {
        stages: {
          "unit-tests": {
            passes: false,
            seconds: 5,
            reports: [{ group: "unit", type: "TEST", content: undefined }],
          },
          "static-analysis": { seconds: 600 },
        },
      }),
  },
  {
    name: "a start by commit, whose build pushes the image",
    config: changed(oneEnvironment(), (web) => {
      web.build = { buildspec: "examples/web/buildspecs/build-image.yml" };
      for (const stage of Object.values(web.stages)) stage.needs = "source";
    }),
    async play(world) {
      world.commit(commit);
      await world.start({ service: "web", commit });
      await minutes(world, 20);
    },
  },
  {
    name: "a build of the image that fails",
    config: changed(oneEnvironment(), (web) => {
      web.build = { buildspec: "examples/web/buildspecs/build-image.yml" };
      for (const stage of Object.values(web.stages)) stage.needs = "source";
    }),
    async play(world) {
      world.commit(commit, { stages: { "build-image": { passes: false } } });
      await world.start({ service: "web", commit });
    },
  },
  {
    name: "every event lost",
    config: verified(),
    async play(world) {
      await world.release("aaaaaaa");
      await silence(world, serviceEvents);
      const reports = [{ group: "unit", type: "TEST", content: undefined } as const];
      await world.release("bbbbbbb", { migration: expand, stages: { "unit-tests": { reports } } });
      await world.release("ccccccc", { migration: expand, crashesOnStart: true });
      await world.release("ddddddd", { migration: expand, stages: { "unit-tests": { passes: false } } });
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
    name: "an unhealthy release, whose migration is taken back",
    config: exampleWith({ migration: { revert: "allowed" } }),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { healthStatus: 500, migration: expand });
    },
  },
  {
    name: "a release that crashes on start",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { crashesOnStart: true });
    },
  },
  {
    name: "migrations that take too long, fail, or say nothing, and a database that is not there",
    config: changed(exampleWith({}), ({ migration }) =>
      Object.assign(migration ?? {}, { timeoutMinutes: 1 }),
    ),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { migration: { ...expand, seconds: 200 } });
      await world.release("ccccccc", { migration: { ...expand, exitCode: 1 } });
      await world.release("ddddddd", { migration: { ...expand, silent: true } });
      await world.release("eeeeeee", { migration: { unreachable: true } });
    },
  },
  ...(["heard of", "not heard of"] as const).flatMap((heard): Scenario[] => {
    const prepare = async (world: SimulatedWorld) => {
      await world.release("aaaaaaa");
      if (heard === "not heard of") await silence(world, ["ExecutionBroken", ...serviceEvents]);
    };
    return [
      {
        name: `a deployment that is stopped in its migration, ${heard}`,
        config: oneEnvironment(),
        async play(world) {
          await prepare(world);
          await breakOff(world, "DeployMachine", { migration: { ...expand, seconds: 300 } }, ofTask);
        },
      },
      {
        name: `a deployment that is stopped in its verification, ${heard}`,
        config: verified(),
        async play(world) {
          await prepare(world);
          const slow = { stages: { "end-to-end": { seconds: 3_000 } } };
          await breakOff(world, "DeployMachine", slow, ofBuild("end-to-end"));
        },
      },
      {
        name: `a release that is stopped in its checks, ${heard}`,
        config: oneEnvironment(),
        async play(world) {
          await prepare(world);
          const slow = { stages: { "unit-tests": { seconds: 3_000 } } };
          await breakOff(world, "ReleaseMachine", slow, ofBuild("unit-tests"));
        },
      },
      {
        name: `a release that is stopped in its deployment, ${heard}`,
        config: oneEnvironment(),
        async play(world) {
          await prepare(world);
          await breakOff(world, "ReleaseMachine", {}, ofTarget("UpdateServiceStarted"));
        },
      },
    ];
  }),
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
    name: "work that has ended before anybody looks at it",
    config: changed(oneEnvironment(), (web) => {
      web.build = { buildspec: "examples/web/buildspecs/build-image.yml" };
      for (const stage of Object.values(web.stages)) stage.needs = "source";
    }),
    async play(world) {
      const atOnce = { seconds: 0, reports: [{ group: "unit", type: "TEST", content: undefined } as const] };
      const stages = { "unit-tests": atOnce, "static-analysis": { seconds: 0, passes: false } };
      await world.release("aaaaaaa", { stages: { "unit-tests": atOnce }, migration: { seconds: 0 } });
      await world.release("bbbbbbb", { stages });
      await world.release("ccccccc", { migration: { ...expand, seconds: 0, unreachable: true } });
      world.commit(commit, { stages: { "build-image": { seconds: 0, passes: false } } });
      await world.start({ service: "web", commit });
    },
  },
  {
    name: "a release that another system asks for",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      const bus = new EventBridgeClient(world.connection.client);
      const Entries = [
        {
          EventBusName: world.made.bus,
          Source: "my.ci",
          DetailType: "Release Requested",
          Detail: JSON.stringify({ service: "web", tag: "aaaaaaa" }),
        },
      ];
      await world.clock.runUntil(bus.send(new PutEventsCommand({ Entries })));
      await minutes(world, 10);
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
    name: "a release that bakes, watched by an alarm and by its share of failed requests",
    config: exampleWith({ bake: { minutes: 1, alarms: ["errors"], errorPercent: 5 } }),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb");
      await minutes(world, 10);
    },
  },
  {
    name: "a release that is resumed after it failed",
    config: oneEnvironment(),
    async play(world) {
      const failed = await world.release("aaaaaaa", { stages: { "unit-tests": { passes: false } } });
      await world.start({ resume: failed });
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
    name: "two releases at once, in an environment with a calendar",
    config: exampleWith({ freezes: [holidays] }),
    async play(world) {
      await world.release("aaaaaaa");
      await world.push("bbbbbbb");
      await world.clock.advance(30_000);
      await world.push("ccccccc");
      await minutes(world, 30);
    },
  },
  ...(["passes", "fails", "cannot reach its database"] as const).map((ends): Scenario => {
    const passes = ends === "passes";
    const config = changed(exampleWith({ migration: { revert: "allowed" } }), (web) => {
      web.build = { buildspec: "examples/web/buildspecs/build-image.yml" };
      for (const stage of Object.values(web.stages)) stage.needs = "image";
    });
    const all = (how: object) =>
      Object.fromEntries(Object.keys(config.services.web?.stages ?? {}).map((name) => [name, how]));
    return {
      name: `work whose first answer is lost, which has ended and ${ends} before it is looked for`,
      loses: [
        "CodeBuild_20161006.StartBuild",
        "AmazonEC2ContainerServiceV20141113.RunTask",
        "AppRunner.CreateService",
        "AppRunner.UpdateService",
      ],
      config,
      async play(world) {
        const reports = [{ group: "unit", type: "TEST", content: undefined } as const];
        const atOnce = { seconds: 0, reports };
        const unreachable = ends === "cannot reach its database";
        // The first of the first track alone: nothing beside it may end before it is looked for.
        const first = config.services.web?.tracks[0]?.[0] ?? "";
        if (ends === "fails")
          await world.release("aaaaaaa", { stages: { [String(first)]: { ...atOnce, passes } } });
        await world.release("bbbbbbb", { stages: all(atOnce), migration: { seconds: 0, unreachable } });
        await world.release("ccccccc", { stages: all(atOnce), migration: { seconds: 0 } });
        const migration = { ...expand, seconds: 0, downExitCode: passes ? 0 : 1 };
        await world.release("ddddddd", { migration, healthStatus: passes ? 200 : 500 });
        await world.release("eeeeeee", { migration: { ...expand, seconds: 0, exitCode: 1, silent: true } });
        world.commit(commit, { stages: { "build-image": { ...atOnce, passes } } });
        await world.start({ service: "web", commit });
      },
    };
  }),
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
    name: "a service that somebody deletes while its release is ill",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      world.before("RollBack", () => deleteServices(world));
      await world.release("bbbbbbb", { healthStatus: 500 });
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
];
