import {
  BatchGetBuildsCommand,
  BatchGetProjectsCommand,
  CodeBuildClient,
  CreateProjectCommand,
  DeleteProjectCommand,
  ListBuildsForProjectCommand,
  StartBuildCommand,
  type StartBuildCommandInput,
  StopBuildCommand,
  UpdateProjectCommand,
} from "@aws-sdk/client-codebuild";
import { describe, expect, it } from "vitest";
import { sleep } from "../../../local/asl/clock.ts";
import { createVirtualClock } from "../../../local/asl/virtual-clock.ts";
import type { BuildRunner } from "../../../local/codebuild/runner.ts";
import { createCodeBuild } from "../../../local/codebuild/service.ts";
import { createGateway } from "../../../local/gateway.ts";
import { createRequestHandler } from "../../../local/handover.ts";
import { createTestLogs, createTestWorld } from "../test-world.ts";

type Clock = ReturnType<typeof createVirtualClock>;
type Run = (clock: Clock) => BuildRunner["run"];

/** A build of `seconds` in one phase; it ends at once when it is told to. */
const lasting =
  (seconds: number): Run =>
  (clock) =>
  async (_job, progress, signal) => {
    progress.enter("DOWNLOAD_SOURCE");
    progress.resolved("f".repeat(40));
    progress.enter("BUILD");
    const isStopped = await sleep(clock, seconds * 1000, signal).then(
      () => false,
      () => true,
    );
    return { status: isStopped ? "STOPPED" : "SUCCEEDED", exportedVariables: [{ name: "A", value: "1" }] };
  };

/** CodeBuild with one project, over a runner of this process, under a virtual clock. */
async function start(run: Run, more: { concurrentBuilds?: number; wait?: BuildRunner["waitForRoom"] } = {}) {
  const clock = createVirtualClock({ start: Date.UTC(2026, 10, 24, 16, 12, 29) });
  const world = createTestWorld(clock);
  const logs = createTestLogs();
  const codeBuild = createCodeBuild(world, {
    runner: { run: run(clock), ...(more.wait === undefined ? {} : { waitForRoom: more.wait }) },
    logs,
    resolveSecret: async (reference) => `value of ${reference}`,
    ...(more.concurrentBuilds === undefined ? {} : { concurrentBuilds: more.concurrentBuilds }),
  });
  const gateway = createGateway([codeBuild], { clock, random: world.random });
  const client = new CodeBuildClient({
    region: world.region,
    endpoint: "http://local",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
    requestHandler: createRequestHandler(gateway, clock),
  });
  await client.send(
    new CreateProjectCommand({
      name: "unit-tests",
      source: { type: "GITHUB", location: "https://example.com/web.git" },
      artifacts: { type: "NO_ARTIFACTS" },
      environment: { type: "ARM_CONTAINER", image: "i", computeType: "BUILD_GENERAL1_SMALL" },
      timeoutInMinutes: 10,
      serviceRole: "role",
    }),
  );
  const startBuild = async (input: Partial<StartBuildCommandInput> = {}): Promise<string> => {
    const { build } = await client.send(new StartBuildCommand({ projectName: "unit-tests", ...input }));
    return build?.id ?? "";
  };
  const look = async (id: string) => {
    const { builds } = await client.send(new BatchGetBuildsCommand({ ids: [id] }));
    return builds?.[0];
  };
  return { clock, world, logs, codeBuild, client, startBuild, look };
}

describe("CodeBuild under a virtual clock", () => {
  it("takes a build through its phases and tells of each, as AWS words it", async () => {
    const { clock, world, startBuild, look } = await start(lasting(90));
    const id = await startBuild({ sourceVersion: "main" });
    expect(await look(id)).toMatchObject({ buildStatus: "IN_PROGRESS", buildComplete: false });
    await clock.advance(91_000);
    const build = await look(id);
    expect(build).toMatchObject({
      buildStatus: "SUCCEEDED",
      currentPhase: "COMPLETED",
      sourceVersion: "main",
      resolvedSourceVersion: "f".repeat(40),
      exportedEnvironmentVariables: [{ name: "A", value: "1" }],
    });
    const phases = ["SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "BUILD", "FINALIZING"];
    expect(build?.phases?.map(({ phaseType }) => phaseType)).toEqual([...phases, "COMPLETED"]);
    const changes = world.events.filter((event) => event["detail-type"] === "CodeBuild Build Phase Change");
    expect(changes.map(({ detail }) => detail["completed-phase"])).toEqual(phases);
    expect(changes[4]?.detail).toMatchObject({
      "completed-phase-status": "SUCCEEDED",
      "completed-phase-duration-seconds": 90,
      "completed-phase-start": "Nov 24, 2026 4:12:29 PM",
      "completed-phase-end": "Nov 24, 2026 4:13:59 PM",
      "completed-phase-context": "[: ]",
    });
    const states = world.events.filter((event) => event["detail-type"] === "CodeBuild Build State Change");
    expect(states.map(({ detail }) => detail["build-status"])).toEqual(["IN_PROGRESS", "SUCCEEDED"]);
    expect(states[1]).toMatchObject({
      source: "aws.codebuild",
      resources: [build?.arn],
      detail: { "build-id": build?.arn, "project-name": "unit-tests" },
    });
  });

  it("ends a build that takes too long, and one that waits too long for room", async () => {
    const slow = await start(lasting(3600));
    const id = await slow.startBuild();
    await slow.clock.advance(10 * 60_000);
    expect(await slow.look(id)).toMatchObject({ buildStatus: "TIMED_OUT", buildComplete: true });

    const wait: BuildRunner["waitForRoom"] = (_job, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const full = await start(lasting(1), { wait });
    const queued = await full.startBuild({ queuedTimeoutInMinutesOverride: 5 });
    await full.clock.advance(4 * 60_000);
    expect(await full.look(queued)).toMatchObject({ currentPhase: "QUEUED" });
    await full.clock.advance(60_000);
    expect(await full.look(queued)).toMatchObject({ buildStatus: "TIMED_OUT" });
  });

  it("stops a build, once, and all builds when it is stopped itself", async () => {
    const { clock, client, startBuild, look, codeBuild } = await start(lasting(60));
    const [first, second] = [await startBuild(), await startBuild()];
    await clock.advance(1_000);
    await client.send(new StopBuildCommand({ id: first }));
    await clock.advance(1);
    const ended = await look(first);
    expect(ended).toMatchObject({ buildStatus: "STOPPED", buildComplete: true });
    await client.send(new StopBuildCommand({ id: first }));
    expect(await look(first)).toEqual(ended);
    await clock.runUntil(codeBuild.stop());
    expect(await look(second)).toMatchObject({ buildStatus: "STOPPED" });
  });

  it("names the command that failed, and calls a fault of its own a FAULT", async () => {
    const context = { statusCode: "COMMAND_EXECUTION_ERROR", message: "exit status 1" };
    const failing = await start(() => async (_job, progress) => {
      progress.enter("BUILD");
      progress.fail(context);
      progress.enter("POST_BUILD");
      return { status: "FAILED", exportedVariables: [] };
    });
    const failed = await failing.startBuild();
    await failing.clock.advance(1);
    const { phases, ...build } = (await failing.look(failed)) ?? {};
    expect(build.buildStatus).toBe("FAILED");
    expect(phases?.[3]).toMatchObject({ phaseType: "BUILD", phaseStatus: "FAILED", contexts: [context] });
    expect(phases?.[4]).toMatchObject({ phaseType: "POST_BUILD", phaseStatus: "SUCCEEDED" });

    const faulty = await start(() => async () => {
      throw new Error("the disk is full");
    });
    const fault = await faulty.startBuild();
    await faulty.clock.advance(1);
    expect(await faulty.look(fault)).toMatchObject({ buildStatus: "FAULT", buildComplete: true });
  });

  it("starts one build for a token within five minutes, and refuses other parameters under it", async () => {
    const { clock, startBuild } = await start(lasting(1));
    const first = await startBuild({ idempotencyToken: "t" });
    expect(await startBuild({ idempotencyToken: "t" })).toBe(first);
    await expect(startBuild({ idempotencyToken: "t", sourceVersion: "x" })).rejects.toMatchObject({
      name: "InvalidInputException",
    });
    await clock.advance(5 * 60_000);
    expect(await startBuild({ idempotencyToken: "t" })).not.toBe(first);
  });

  it("refuses builds beyond the account's limit until one has ended", async () => {
    const { clock, startBuild } = await start(lasting(10), { concurrentBuilds: 1 });
    await startBuild();
    await expect(startBuild()).rejects.toMatchObject({ name: "AccountLimitExceededException" });
    await clock.advance(11_000);
    await expect(startBuild()).resolves.toMatch(/^unit-tests:/);
  });

  it("lists the newest build first, a hundred at a time", async () => {
    const { clock, client, startBuild } = await start(lasting(0), { concurrentBuilds: 200 });
    const ids: string[] = [];
    for (let number = 0; number < 101; number++) ids.push(await startBuild());
    const page = await client.send(new ListBuildsForProjectCommand({ projectName: "unit-tests" }));
    expect(page.ids).toEqual(ids.toReversed().slice(0, 100));
    const rest = await client.send(
      new ListBuildsForProjectCommand({
        projectName: "unit-tests",
        nextToken: page.nextToken,
      }),
    );
    expect(rest.ids).toEqual([ids[0]]);
    expect(rest.nextToken).toBeUndefined();
    await clock.advance(1);
  });

  it("resolves secret variables for the runner, and keeps them out of log and record", async () => {
    const { clock, logs, startBuild, look } = await start(() => async (job, progress) => {
      progress.line(`it is ${job.variables.PASSWORD}`);
      return { status: "SUCCEEDED", exportedVariables: [] };
    });
    const id = await startBuild({
      environmentVariablesOverride: [{ name: "PASSWORD", value: "db:password", type: "SECRETS_MANAGER" }],
    });
    await clock.advance(1);
    expect(logs.lines()).toContain("it is ***");
    expect(logs.written[0]).toMatchObject({
      group: "/aws/codebuild/unit-tests",
      stream: id.split(":")[1],
    });
    expect(JSON.stringify(await look(id))).not.toContain("value of");
  });

  it("changes and deletes projects, and says which build or project there is not", async () => {
    const { client, startBuild } = await start(lasting(1));
    await client.send(new UpdateProjectCommand({ name: "unit-tests", timeoutInMinutes: 20 }));
    const { projects, projectsNotFound } = await client.send(
      new BatchGetProjectsCommand({
        names: ["unit-tests", "nothing"],
      }),
    );
    expect(projects?.[0]).toMatchObject({ timeoutInMinutes: 20, serviceRole: "role" });
    expect(projectsNotFound).toEqual(["nothing"]);
    await client.send(new DeleteProjectCommand({ name: "unit-tests" }));
    await expect(startBuild()).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    expect(await client.send(new BatchGetBuildsCommand({ ids: ["unit-tests:none"] }))).toMatchObject({
      builds: [],
      buildsNotFound: ["unit-tests:none"],
    });
  });
});
