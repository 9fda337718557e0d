import {
  AccountLimitExceededException,
  BatchGetBuildsCommand,
  BatchGetProjectsCommand,
  CodeBuildClient,
  CreateProjectCommand,
  type CreateProjectCommandInput,
  DeleteProjectCommand,
  InvalidInputException,
  ListBuildsCommand,
  ListBuildsForProjectCommand,
  ListProjectsCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
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

const START = Date.UTC(2026, 10, 24, 15, 4, 5);

const succeed: BuildRunner["run"] = async () => ({ status: "SUCCEEDED", exportedVariables: [] });

/** CodeBuild under a virtual clock, with a simulated runner, spoken to by the SDK's client. */
function start(
  run: (world: ReturnType<typeof createTestWorld>) => BuildRunner["run"],
  more: {
    concurrentBuilds?: number;
    waitForRoom?: BuildRunner["waitForRoom"];
  } = {},
) {
  const clock = createVirtualClock({ start: START });
  const world = createTestWorld(clock);
  const logs = createTestLogs();
  const { waitForRoom } = more;
  const service = createCodeBuild(world, {
    runner: { run: run(world), ...(waitForRoom === undefined ? {} : { waitForRoom }) },
    logs,
    resolveSecret: async (reference) => {
      if (reference === "missing") throw new Error("Secrets Manager can't find the specified secret.");
      return `value of ${reference}`;
    },
    ...(more.concurrentBuilds === undefined ? {} : { concurrentBuilds: more.concurrentBuilds }),
  });
  const client = new CodeBuildClient({
    region: world.region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    endpoint: "http://local",
    maxAttempts: 1,
    requestHandler: createRequestHandler(createGateway([service], { clock, random: world.random }), clock),
  });
  // The client reads files of its own, which the clock does not know; what it asks for needs no time.
  const call = async <T>(work: Promise<T>) => {
    const answer = await work;
    await clock.advance(0);
    return answer;
  };
  const createProject = (project: Partial<CreateProjectCommandInput> = {}) =>
    call(
      client.send(
        new CreateProjectCommand({
          name: "unit-tests",
          source: { type: "GITHUB", location: "https://example.com/web.git", buildspec: "unit.yml" },
          artifacts: { type: "NO_ARTIFACTS" },
          environment: {
            type: "LINUX_CONTAINER",
            image: "aws/codebuild/standard:7.0",
            computeType: "BUILD_GENERAL1_SMALL",
            environmentVariables: [{ name: "STAGE", value: "unit" }],
          },
          serviceRole: "arn:aws:iam::000000000000:role/build",
          ...project,
        }),
      ),
    );
  const startBuild = async (input: Partial<StartBuildCommandInput> = {}) => {
    const { build } = await call(client.send(new StartBuildCommand({ projectName: "unit-tests", ...input })));
    if (build?.id === undefined) throw new Error("no build was started");
    return { ...build, id: build.id };
  };
  const look = async (id: string) => {
    const { builds } = await call(client.send(new BatchGetBuildsCommand({ ids: [id] })));
    const [build] = builds ?? [];
    if (build === undefined) throw new Error(`no build ${id}`);
    return build;
  };
  return { clock, world, logs, service, client, call, createProject, startBuild, look };
}

describe("Lambda compute", () => {
  const environment = {
    type: "ARM_LAMBDA_CONTAINER",
    image: "aws/codebuild/amazonlinux-aarch64-lambda-standard:nodejs22",
    computeType: "BUILD_LAMBDA_1GB",
  } as const;

  it("ends its builds after 15 minutes, and never queues them", async () => {
    const { createProject, startBuild } = start(() => succeed);
    const { project } = await createProject({ environment });
    expect(project?.timeoutInMinutes).toBe(15);
    expect(project?.queuedTimeoutInMinutes).toBeUndefined();
    expect(await startBuild()).toMatchObject({ timeoutInMinutes: 15, environment });
  });

  it("is refused what it does not have, and to a project of another environment type", async () => {
    const { createProject } = start(() => succeed);
    const asked: Partial<CreateProjectCommandInput> = {
      environment: { ...environment, privilegedMode: true },
      vpcConfig: { vpcId: "vpc-1", subnets: ["subnet-1"], securityGroupIds: ["sg-1"] },
      cache: { type: "LOCAL", modes: ["LOCAL_SOURCE_CACHE"] },
      timeoutInMinutes: 30,
    };
    await expect(createProject(asked)).rejects.toThrow(
      /has no privilegedMode, vpcConfig, cache, timeoutInMinutes/,
    );
    const other = { ...environment, type: "LINUX_CONTAINER" } as const;
    await expect(createProject({ environment: other })).rejects.toThrow(/is not one of the environment type/);
  });

  it("takes over a project that was made for another", async () => {
    const { client, call, createProject } = start(() => succeed);
    await createProject({ timeoutInMinutes: 60 });
    const cache = { type: "NO_CACHE" } as const;
    const update = new UpdateProjectCommand({ name: "unit-tests", environment, cache, vpcConfig: {} });
    const { project } = await call(client.send(update));
    expect(project).toMatchObject({ timeoutInMinutes: 15, environment });
  });
});

describe("CodeBuild's projects", () => {
  it("are made, changed, listed and deleted", async () => {
    const { client, call, createProject } = start(() => succeed);
    const { project } = await createProject();
    expect(project).toMatchObject({
      arn: "arn:aws:codebuild:eu-central-1:000000000000:project/unit-tests",
      timeoutInMinutes: 60,
      queuedTimeoutInMinutes: 480,
      created: new Date(START),
    });
    await createProject({ name: "build" });
    await call(client.send(new UpdateProjectCommand({ name: "unit-tests", timeoutInMinutes: 10 })));
    const found = await call(
      client.send(new BatchGetProjectsCommand({ names: ["unit-tests", "arn:x:project/build", "none"] })),
    );
    expect(found.projects?.map(({ name, timeoutInMinutes }) => [name, timeoutInMinutes])).toEqual([
      ["unit-tests", 10],
      ["build", 60],
    ]);
    expect(found.projects?.[0]?.source?.location).toBe("https://example.com/web.git");
    expect(found.projectsNotFound).toEqual(["none"]);
    await call(client.send(new DeleteProjectCommand({ name: "build" })));
    expect((await call(client.send(new ListProjectsCommand({})))).projects).toEqual(["unit-tests"]);
  });

  it("are refused as AWS refuses them", async () => {
    const { createProject, startBuild } = start(() => succeed);
    await createProject();
    await expect(createProject()).rejects.toBeInstanceOf(ResourceAlreadyExistsException);
    await expect(createProject({ name: "a b" })).rejects.toBeInstanceOf(InvalidInputException);
    await expect(createProject({ name: "short", timeoutInMinutes: 1 })).rejects.toThrow(
      "from 5 to 2160, not 1",
    );
    await expect(createProject({ name: "bare", source: { type: "NO_SOURCE" } })).rejects.toThrow("inline");
    await expect(startBuild({ projectName: "none" })).rejects.toBeInstanceOf(ResourceNotFoundException);
  });
});

describe("a build", () => {
  it("goes through CodeBuild's phases and tells each change with AWS's shapes", async () => {
    const { clock, world, logs, createProject, startBuild, look } = start(
      ({ clock }) =>
        async (job, progress) => {
          progress.enter("DOWNLOAD_SOURCE");
          progress.resolved("f".repeat(40));
          progress.enter("BUILD");
          progress.line(`stage ${job.variables.STAGE}`);
          await sleep(clock, 61_500);
          return { status: "SUCCEEDED", exportedVariables: [{ name: "RESULT", value: "42" }] };
        },
    );
    await createProject();
    const { id, ...started } = await startBuild({ sourceVersion: "main" });
    expect(id).toMatch(/^unit-tests:[0-9a-f-]{36}$/);
    expect(started).toMatchObject({ buildStatus: "IN_PROGRESS", currentPhase: "QUEUED", buildNumber: 1 });
    expect((await look(id)).currentPhase).toBe("BUILD");
    await clock.advance(61_500);
    const build = await look(id);
    expect(build).toMatchObject({
      arn: `arn:aws:codebuild:eu-central-1:000000000000:build/${id}`,
      buildStatus: "SUCCEEDED",
      buildComplete: true,
      currentPhase: "COMPLETED",
      sourceVersion: "main",
      resolvedSourceVersion: "f".repeat(40),
      endTime: new Date(START + 61_500),
      exportedEnvironmentVariables: [{ name: "RESULT", value: "42" }],
      logs: { groupName: "/aws/codebuild/unit-tests", streamName: id.split(":")[1] },
    });
    expect(build.phases?.map(({ phaseType }) => phaseType)).toEqual([
      "SUBMITTED",
      "QUEUED",
      "PROVISIONING",
      "DOWNLOAD_SOURCE",
      "BUILD",
      "FINALIZING",
      "COMPLETED",
    ]);
    expect(build.phases?.[4]).toEqual({
      phaseType: "BUILD",
      phaseStatus: "SUCCEEDED",
      startTime: new Date(START),
      endTime: new Date(START + 61_500),
      durationInSeconds: 61,
      contexts: [{ statusCode: "", message: "" }],
    });
    expect(logs.lines()).toContain("stage unit");
    expect(logs.lines()).toContain("[Container] 2026/11/24 15:04:05.000000 Entering phase BUILD");

    const states = world.events.filter((event) => event["detail-type"] === "CodeBuild Build State Change");
    expect(states.map(({ detail }) => detail["build-status"])).toEqual(["IN_PROGRESS", "SUCCEEDED"]);
    expect(states[1]).toMatchObject({
      source: "aws.codebuild",
      resources: [build.arn],
      detail: {
        "build-id": build.arn,
        "project-name": "unit-tests",
        "current-phase": "COMPLETED",
        "current-phase-context": "[: ]",
        version: "1",
        "additional-information": {
          "build-complete": true,
          "build-number": 1,
          "build-start-time": "Nov 24, 2026 3:04:05 PM",
          environment: { "environment-variables": [{ name: "STAGE", type: "PLAINTEXT", value: "unit" }] },
        },
      },
    });
    const phases = world.events.filter((event) => event["detail-type"] === "CodeBuild Build Phase Change");
    expect(phases.map(({ detail }) => detail["completed-phase"])).toEqual([
      "SUBMITTED",
      "QUEUED",
      "PROVISIONING",
      "DOWNLOAD_SOURCE",
      "BUILD",
      "FINALIZING",
    ]);
    expect(phases[0]?.detail).toMatchObject({
      "completed-phase-context": "[]",
      "completed-phase-status": "SUCCEEDED",
      "completed-phase-duration-seconds": 0,
      "completed-phase-start": "Nov 24, 2026 3:04:05 PM",
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it("takes overrides over the project, by name for variables, and hides secrets in its log", async () => {
    const seen: unknown[] = [];
    const { call, client, logs, createProject, look } = start(() => async (job, progress) => {
      seen.push(job);
      progress.line(`the secret is ${job.variables.TOKEN}, \u001b[31mred\u001b[0m\u0007`);
      return { status: "SUCCEEDED", exportedVariables: [] };
    });
    await createProject();
    const { build } = await call(
      client.send(
        new StartBuildCommand({
          projectName: "unit-tests",
          buildspecOverride: "other.yml",
          imageOverride: "image@sha256:1",
          timeoutInMinutesOverride: 7,
          environmentVariablesOverride: [
            { name: "STAGE", value: "changed" },
            { name: "TOKEN", value: "web/token", type: "SECRETS_MANAGER" },
          ],
        }),
      ),
    );
    expect(build?.timeoutInMinutes).toBe(7);
    await look(build?.id ?? "");
    expect(seen).toMatchObject([
      {
        buildspec: "other.yml",
        image: "image@sha256:1",
        variables: { STAGE: "changed", TOKEN: "value of web/token" },
      },
    ]);
    expect(logs.lines()).toContain("the secret is ***, red");
  });

  it("fails in DOWNLOAD_SOURCE when a secret is not to be had", async () => {
    const { createProject, startBuild, look } = start(() => succeed);
    await createProject();
    const { id } = await startBuild({
      environmentVariablesOverride: [{ name: "TOKEN", value: "missing", type: "SECRETS_MANAGER" }],
    });
    const build = await look(id);
    expect(build.buildStatus).toBe("FAILED");
    expect(build.phases?.find(({ phaseStatus }) => phaseStatus === "FAILED")).toMatchObject({
      phaseType: "DOWNLOAD_SOURCE",
      contexts: [{ statusCode: "CLIENT_ERROR", message: expect.stringContaining("can't find") }],
    });
  });

  it("tells a failure with its context, and a fault of the runner as FAULT", async () => {
    let runs = 0;
    const { createProject, startBuild, look } = start(() => async (_job, progress) => {
      runs += 1;
      if (runs === 2) throw new Error("no room on the disk");
      progress.enter("BUILD");
      progress.fail({ statusCode: "COMMAND_EXECUTION_ERROR", message: "Error while executing command: x." });
      return { status: "FAILED", exportedVariables: [] };
    });
    await createProject();
    const failed = await look((await startBuild()).id);
    expect(failed.buildStatus).toBe("FAILED");
    expect(failed.phases?.find(({ phaseType }) => phaseType === "BUILD")).toMatchObject({
      phaseStatus: "FAILED",
    });
    const faulted = await look((await startBuild()).id);
    expect(faulted.buildStatus).toBe("FAULT");
    expect(faulted.phases?.at(-2)?.contexts?.[0]?.message).toBe("no room on the disk");
  });

  const forever =
    (world: ReturnType<typeof createTestWorld>): BuildRunner["run"] =>
    async (_job, progress, signal) => {
      progress.enter("BUILD");
      await sleep(world.clock, 86_400_000 * 30, signal).catch(() => undefined);
      return { status: "STOPPED", exportedVariables: [] };
    };

  it("ends as TIMED_OUT when its time is up", async () => {
    const { clock, createProject, startBuild, look } = start(forever);
    await createProject({ timeoutInMinutes: 10 });
    const { id } = await startBuild();
    await clock.advance(10 * 60_000);
    const build = await look(id);
    expect(build.buildStatus).toBe("TIMED_OUT");
    expect(build.phases?.at(-2)).toMatchObject({ phaseType: "BUILD", phaseStatus: "TIMED_OUT" });
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends as TIMED_OUT when it was queued for too long", async () => {
    const { clock, createProject, startBuild, look } = start(() => succeed, {
      waitForRoom: (_job, signal) => new Promise((_, reject) => signal.addEventListener("abort", reject)),
    });
    await createProject({ queuedTimeoutInMinutes: 5 });
    const { id } = await startBuild();
    expect((await look(id)).currentPhase).toBe("QUEUED");
    await clock.advance(5 * 60_000);
    expect(await look(id)).toMatchObject({ buildStatus: "TIMED_OUT" });
  });

  it("can be stopped, and stopped again", async () => {
    const { client, call, clock, world, createProject, startBuild, look } = start(forever);
    await createProject();
    const { id } = await startBuild();
    await call(client.send(new StopBuildCommand({ id })));
    await clock.advance(0);
    expect((await look(id)).buildStatus).toBe("STOPPED");
    const again = await call(client.send(new StopBuildCommand({ id })));
    expect(again.build?.buildStatus).toBe("STOPPED");
    expect(world.events.at(-1)?.detail["build-status"]).toBe("STOPPED");
    await expect(call(client.send(new StopBuildCommand({ id: "unit-tests:none" })))).rejects.toBeInstanceOf(
      ResourceNotFoundException,
    );
  });

  it("is started once for a token, for five minutes", async () => {
    const { clock, createProject, startBuild } = start(() => succeed);
    await createProject();
    const first = await startBuild({ idempotencyToken: "one" });
    expect((await startBuild({ idempotencyToken: "one" })).id).toBe(first.id);
    await expect(startBuild({ idempotencyToken: "one", sourceVersion: "other" })).rejects.toBeInstanceOf(
      InvalidInputException,
    );
    await clock.advance(5 * 60_000);
    expect((await startBuild({ idempotencyToken: "one" })).id).not.toBe(first.id);
  });

  it("is refused beyond the account's limit, until another has ended", async () => {
    const { client, call, createProject, startBuild, clock } = start(forever, { concurrentBuilds: 1 });
    await createProject();
    const { id } = await startBuild();
    const refused = startBuild();
    await expect(refused).rejects.toBeInstanceOf(AccountLimitExceededException);
    await expect(refused).rejects.toThrow("Cannot have more than 1 builds in queue for the account");
    await call(client.send(new StopBuildCommand({ id })));
    await clock.advance(0);
    await startBuild();
  });

  it("is listed, the newest first, a hundred at a time", async () => {
    const { client, call, createProject, startBuild } = start(() => succeed);
    await createProject();
    await createProject({ name: "other" });
    const ids: string[] = [];
    for (let count = 0; count < 101; count++) ids.push((await startBuild()).id);
    const other = await startBuild({ projectName: "other" });
    const list = (nextToken?: string) =>
      call(
        client.send(
          new ListBuildsForProjectCommand({
            projectName: "unit-tests",
            ...(nextToken === undefined ? {} : { nextToken }),
          }),
        ),
      );
    const first = await list();
    expect(first.ids).toEqual(ids.toReversed().slice(0, 100));
    expect((await list(first.nextToken)).ids).toEqual(ids.slice(0, 1));
    const all = await call(client.send(new ListBuildsCommand({ sortOrder: "ASCENDING" })));
    expect(all.ids?.[0]).toBe(ids[0]);
    expect((await call(client.send(new ListBuildsCommand({})))).ids?.[0]).toBe(other.id);
    const unknown = await call(client.send(new BatchGetBuildsCommand({ ids: ["unit-tests:none"] })));
    expect(unknown).toMatchObject({ builds: [], buildsNotFound: ["unit-tests:none"] });
  });

  it("ends when CodeBuild stops", async () => {
    const { clock, service, createProject, startBuild, look } = start(forever);
    await createProject();
    const { id } = await startBuild();
    await clock.runUntil(service.stop());
    expect((await look(id)).buildStatus).toBe("STOPPED");
    expect(clock.pendingTimers).toBe(0);
  });
});
