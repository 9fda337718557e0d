import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AppRunnerClient,
  CreateServiceCommand,
  DescribeServiceCommand,
  ListOperationsCommand,
  UpdateServiceCommand,
} from "@aws-sdk/client-apprunner";
import { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  BatchGetBuildsCommand,
  BatchGetProjectsCommand,
  CodeBuildClient,
  CreateProjectCommand,
  ListBuildsForProjectCommand,
  StartBuildCommand,
} from "@aws-sdk/client-codebuild";
import {
  CreateClusterCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
} from "@aws-sdk/client-ecs";
import {
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createVirtualClock, sleep, type VirtualClock } from "../../local/asl/index.ts";
import { createLocalAws, type LocalAws, type Resumed, type Runners } from "../../local/aws.ts";
import { createRequestHandler } from "../../local/handover.ts";
import { openStore, type Store } from "../../local/store.ts";
import type { ServiceEvent } from "../../local/world.ts";
import { seeded } from "./asl/machine.ts";

const registry = "000000000000.dkr.ecr.us-east-1.amazonaws.com";
let folder = "";
let store: Store | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spillway-restart-"));
});
let last: Life | undefined;
afterEach(async () => {
  await last?.run(last.aws.stop());
  last = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** What runs in one life: images by port, functions that were called. */
function createRunners(clock: VirtualClock) {
  const running = new Map<number, string>();
  const invoked: { name: string; payload: unknown }[] = [];
  const fronts: { port: number; to: number | undefined }[] = [];
  let port = 9000;
  const runners: Runners = {
    functions: {
      stop: async () => {},
      invoke: async ({ name }, payload) => {
        invoked.push({ name, payload: JSON.parse(payload) });
        return { payload: "null" };
      },
    },
    builds: {
      async run(_job, progress, signal) {
        progress.line("building");
        await sleep(clock, 60_000, signal);
        return { status: "SUCCEEDED", exportedVariables: [] };
      },
    },
    containers: {
      async start({ image, environment, onLine }) {
        onLine(`started ${image}`);
        running.set(Number(environment.PORT), image);
        const ended = Promise.withResolvers<{ exitCode: number | null }>();
        return { exited: ended.promise, stop: async () => ended.resolve({ exitCode: null }) };
      },
    },
    frontDesk: {
      open: async (preferred = 7000) => {
        const front = { port: preferred, to: undefined as number | undefined };
        fronts.push(front);
        return {
          url: `http://127.0.0.1:${preferred}`,
          switchTo: (to) => {
            front.to = to;
          },
          drained: async () => {},
          close: async () => {},
        };
      },
    },
    probe: async (asked) => (running.get(asked)?.includes("sick") === true ? "bad" : "good"),
    freePort: async () => ++port,
  };
  const serving = () => fronts.map((front) => running.get(front.to ?? 0));
  return { runners, invoked, fronts, serving };
}

interface Life extends ReturnType<typeof createRunners> {
  readonly clock: VirtualClock;
  readonly aws: LocalAws;
  readonly client: object;
  readonly events: ServiceEvent[];
  resume(): Promise<Resumed>;
  run<Answer>(answer: Promise<Answer>): Promise<Answer>;
}

/** A life of the local AWS on the folder. */
async function born(now = Date.parse("2026-11-24T00:00:00Z")): Promise<Life> {
  store = openStore(join(folder, "state"));
  const clock = createVirtualClock({ start: now });
  const events: ServiceEvent[] = [];
  const parts = createRunners(clock);
  const aws = await createLocalAws({
    clock,
    random: seeded(now % 1000),
    folder,
    store,
    endpoint: () => "http://local",
    logFiles: false,
    onEvent: (event) => events.push(event),
    runners: async () => parts.runners,
  });
  const client = {
    endpoint: "http://local",
    region: "us-east-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(aws.gateway, clock),
  };
  const resume = () => clock.runUntil(aws.resume());
  const run = <Answer>(answer: Promise<Answer>) => clock.runUntil(answer);
  last = { ...parts, clock, aws, client, events, resume, run };
  return last;
}

/** The next life, after a kill: of what the one before does from then on, nothing is kept; its end is only for its locks. */
async function bornAgain(before: Life): Promise<Life> {
  store?.close();
  await before.run(before.aws.stop());
  return born(before.clock.now() + 1000);
}
const plain = (answer: object) => ({ ...answer, $metadata: undefined });

const source = (name: string) => ({
  AutoDeploymentsEnabled: false,
  ImageRepository: { ImageIdentifier: `${registry}/web:${name}`, ImageRepositoryType: "ECR" as const },
});

describe("the local AWS after a kill", () => {
  it("has the secrets with their versions, and the logs", async () => {
    const first = await born();
    const secrets = new SecretsManagerClient(first.client);
    await secrets.send(new CreateSecretCommand({ Name: "db", SecretString: "one" }));
    await secrets.send(new PutSecretValueCommand({ SecretId: "db", SecretString: "two" }));
    first.aws.logs.write("/group", "stream", "a line");
    const described = await secrets.send(new DescribeSecretCommand({ SecretId: "db" }));
    const second = await bornAgain(first);
    const again = new SecretsManagerClient(second.client);
    expect(plain(await again.send(new DescribeSecretCommand({ SecretId: "db" })))).toEqual(plain(described));
    const ask = new GetSecretValueCommand({ SecretId: "db", VersionStage: "AWSPREVIOUS" });
    expect((await again.send(ask)).SecretString).toBe("one");
    second.aws.logs.write("/group", "stream", "another");
    const read = new GetLogEventsCommand({
      logGroupName: "/group",
      logStreamName: "stream",
      startFromHead: true,
    });
    const { events } = await new CloudWatchLogsClient(second.client).send(read);
    expect(events?.map(({ message }) => message)).toEqual(["a line", "another"]);
  });

  it("ends a build that ran as FAULT, with its event, and numbers the next one after it", async () => {
    const first = await born();
    const codebuild = new CodeBuildClient(first.client);
    const project = {
      name: "unit-tests",
      source: { type: "NO_SOURCE", buildspec: "version: 0.2\nphases: {}\n" },
      artifacts: { type: "NO_ARTIFACTS" },
      environment: { type: "LINUX_CONTAINER", image: "x", computeType: "BUILD_GENERAL1_SMALL" },
      serviceRole: "arn:aws:iam::000000000000:role/build",
    } as const;
    await codebuild.send(new CreateProjectCommand(project));
    const { build } = await codebuild.send(new StartBuildCommand({ projectName: "unit-tests" }));
    await first.clock.advance(5000);
    const second = await bornAgain(first);
    expect((await second.resume()).lostBuilds).toEqual([build?.id]);
    const again = new CodeBuildClient(second.client);
    const { builds = [] } = await again.send(new BatchGetBuildsCommand({ ids: [build?.id ?? ""] }));
    expect(builds[0]).toMatchObject({ buildStatus: "FAULT", buildComplete: true, currentPhase: "COMPLETED" });
    const failed = builds[0]?.phases?.find(({ phaseStatus }) => phaseStatus === "FAULT");
    expect(failed?.contexts?.[0]?.message).toContain("The local AWS was ended while the build ran");
    const told = second.events.filter((event) => event["detail-type"] === "CodeBuild Build State Change");
    expect(told.map(({ detail }) => detail["build-status"])).toEqual(["FAULT"]);
    const next = await again.send(new StartBuildCommand({ projectName: "unit-tests" }));
    expect(next.build?.buildNumber).toBe(2);
    const listed = await again.send(new ListBuildsForProjectCommand({ projectName: "unit-tests" }));
    expect(listed.ids).toEqual([next.build?.id, build?.id]);
    const found = await again.send(new BatchGetProjectsCommand({ names: ["unit-tests"] }));
    expect(found.projects).toHaveLength(1);
  });

  it("ends a task that ran as STOPPED without an exit code, with its event", async () => {
    const first = await born();
    const ecs = new ECSClient(first.client);
    await ecs.send(new CreateClusterCommand({ clusterName: "c" }));
    const container = { name: "migrate", image: `${registry}/web-migrate:a`, essential: true };
    await ecs.send(
      new RegisterTaskDefinitionCommand({ family: "migrate", containerDefinitions: [container] }),
    );
    const { tasks = [] } = await ecs.send(new RunTaskCommand({ cluster: "c", taskDefinition: "migrate" }));
    await first.clock.advance(1000);
    const arn = tasks[0]?.taskArn ?? "";
    const second = await bornAgain(first);
    expect((await second.resume()).lostTasks).toEqual([arn]);
    const again = new ECSClient(second.client);
    const described = await again.send(new DescribeTasksCommand({ cluster: "c", tasks: [arn] }));
    expect(described.tasks?.[0]).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "TerminationNotice",
      stoppedReason: expect.stringContaining("The local AWS was ended"),
    });
    expect(described.tasks?.[0]?.containers?.[0]?.exitCode).toBeUndefined();
    expect(second.events.at(-1)?.detail).toMatchObject({ taskArn: arn, lastStatus: "STOPPED" });
    const definition = await again.send(new DescribeTaskDefinitionCommand({ taskDefinition: "migrate" }));
    expect(definition.taskDefinition?.revision).toBe(1);
  });

  it("serves a service again at the same address, with the image that was live", async () => {
    const first = await born();
    const apprunner = new AppRunnerClient(first.client);
    const { Service } = await apprunner.send(
      new CreateServiceCommand({ ServiceName: "web-production", SourceConfiguration: source("good") }),
    );
    await first.clock.advance(10_000);
    expect(first.serving()).toEqual([`${registry}/web:good`]);
    const second = await bornAgain(first);
    expect(second.serving()).toEqual([undefined]);
    expect((await second.resume()).services).toEqual({
      serving: ["web-production"],
      ailing: [],
      operations: 0,
    });
    expect(second.serving()).toEqual([`${registry}/web:good`]);
    const ask = new DescribeServiceCommand({ ServiceArn: Service?.ServiceArn });
    const described = await new AppRunnerClient(second.client).send(ask);
    expect(described.Service).toMatchObject({ Status: "RUNNING", ServiceUrl: Service?.ServiceUrl });
  });

  it.each([
    ["good2", "SUCCEEDED", "UpdateServiceCompletedSuccessfully"],
    ["sick", "ROLLBACK_SUCCEEDED", "UpdateServiceFailed"],
  ])("serves what was live and goes on with an update under way: to %s", async (image, status, told) => {
    const first = await born();
    const apprunner = new AppRunnerClient(first.client);
    const { Service } = await apprunner.send(
      new CreateServiceCommand({ ServiceName: "web-production", SourceConfiguration: source("good") }),
    );
    await first.clock.advance(10_000);
    const { OperationId } = await apprunner.send(
      new UpdateServiceCommand({
        ServiceArn: Service?.ServiceArn,
        SourceConfiguration: source(image),
      }),
    );
    const second = await bornAgain(first);
    expect((await second.resume()).services).toMatchObject({ serving: ["web-production"], operations: 1 });
    expect(second.serving()).toEqual([`${registry}/web:good`]);
    await second.clock.advance(60_000);
    expect(second.serving()).toEqual([`${registry}/web:${status === "SUCCEEDED" ? image : "good"}`]);
    const ask = new ListOperationsCommand({ ServiceArn: Service?.ServiceArn });
    const { OperationSummaryList = [] } = await new AppRunnerClient(second.client).send(ask);
    expect(OperationSummaryList).toHaveLength(2);
    expect(OperationSummaryList[0]).toMatchObject({ Id: OperationId, Status: status });
    expect(second.events.at(-1)?.detail.operationStatus).toBe(told);
  });

  it("delivers the events that it had taken, and fires its schedules again, once everything is there", async () => {
    const first = await born();
    const arn = first.aws.lambda.publish({
      name: "listener",
      bundle: import.meta.filename,
      environment: {},
      timeoutSeconds: 10,
      memoryMegabytes: 128,
    });
    const events = new EventBridgeClient(first.client);
    await events.send(new PutRuleCommand({ Name: "told", EventPattern: '{"source":["test"]}' }));
    await events.send(new PutRuleCommand({ Name: "minutely", ScheduleExpression: "rate(1 minute)" }));
    for (const Rule of ["told", "minutely"])
      await events.send(new PutTargetsCommand({ Rule, Targets: [{ Id: "t", Arn: arn }] }));
    // The first life never opens: it takes events and is killed before it delivers one.
    await events.send(
      new PutEventsCommand({ Entries: [{ Source: "test", DetailType: "t", Detail: '{"n":1}' }] }),
    );
    expect(first.invoked).toEqual([]);
    const second = await bornAgain(first);
    const again = new EventBridgeClient(second.client);
    expect((await again.send(new ListRulesCommand({}))).Rules?.map(({ Name }) => Name)).toEqual([
      "minutely",
      "told",
    ]);
    const targets = await again.send(new ListTargetsByRuleCommand({ Rule: "told" }));
    expect(targets.Targets).toEqual([{ Id: "t", Arn: arn }]);
    await second.clock.advance(120_000);
    expect(second.invoked).toEqual([]);
    await second.resume();
    await second.clock.advance(61_000);
    expect(second.invoked).toMatchObject([
      { name: "listener", payload: { detail: { n: 1 } } },
      { name: "listener", payload: { "detail-type": "Scheduled Event" } },
    ]);
    const third = await bornAgain(second);
    await third.resume();
    await third.clock.advance(1000);
    expect(third.invoked).toEqual([]);
  });

  it("publishes a function again only if something about it has changed", async () => {
    const settings = {
      name: "f",
      bundle: import.meta.filename,
      environment: { A: "1" },
      timeoutSeconds: 10,
      memoryMegabytes: 128,
    };
    const first = await born();
    const arn = first.aws.lambda.publish(settings);
    const second = await bornAgain(first);
    expect(second.aws.lambda.publish(settings)).toBe(arn);
    const changed = second.aws.lambda.publish({ ...settings, environment: { A: "2" } });
    expect(changed).toBe(arn.replace(/:1$/, ":2"));
    await second.run(second.aws.lambda.invoke(arn, "{}"));
    expect(second.invoked).toHaveLength(1);
  });
});
