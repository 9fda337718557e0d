import { AppRunnerClient, CreateServiceCommand, paginateListServices } from "@aws-sdk/client-apprunner";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  DescribeLogGroupsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CodeBuildClient,
  CreateReportGroupCommand,
  ListReportGroupsCommand,
} from "@aws-sdk/client-codebuild";
import {
  ECSClient,
  ListTaskDefinitionsCommand,
  RegisterTaskDefinitionCommand,
  type TaskDefinitionStatus,
} from "@aws-sdk/client-ecs";
import { afterEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../core/config.ts";
import type { GatewayResponse } from "../local/gateway.ts";
import type { ServiceEvent } from "../local/world.ts";
import { twoEnvironments } from "./simulation/environments.ts";
import { refuse } from "./simulation/faults.ts";
import { removeInstallation } from "./simulation/removal.ts";
import { createWorld, type SimulatedWorld, type WorldOptions } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

/** Makes the world: staging on a service that releases make, production on one that the config names. */
async function begin(options: WorldOptions = {}): Promise<void> {
  const config: ConfigInput = twoEnvironments();
  const { production } = config.services.web?.environments ?? {};
  if (production === undefined) throw new Error("the example has a production");
  production.target = { ...production.target, name: "links-live" };
  world = await createWorld(1, config, {}, options);
}

/** All that there is, of this installation and of others. */
async function look() {
  const { client } = world.connection;
  const ecs = new ECSClient(client);
  const definitions = async (status: TaskDefinitionStatus) =>
    (await ecs.send(new ListTaskDefinitionsCommand({ status }))).taskDefinitionArns ?? [];
  const services: string[] = [];
  for await (const { ServiceSummaryList = [] } of paginateListServices(
    { client: new AppRunnerClient(client) },
    {},
  ))
    services.push(...ServiceSummaryList.map(({ ServiceName = "" }) => ServiceName));
  const groups = await new CloudWatchLogsClient(client).send(
    new DescribeLogGroupsCommand({ logGroupNamePrefix: "/aws/apprunner/" }),
  );
  const reports = await new CodeBuildClient(client).send(new ListReportGroupsCommand({}));
  return {
    services: services.toSorted(),
    logs: [
      ...new Set(groups.logGroups?.map(({ logGroupName = "" }) => logGroupName.split("/")[3])),
    ].toSorted(),
    active: (await definitions("ACTIVE")).map((arn) => arn.split("/").at(-1)),
    inactive: await definitions("INACTIVE"),
    reports: reports.reportGroups?.map((arn) => arn.split("/").at(-1)) ?? [],
  };
}

/** Makes what belongs to others: to another stage, and to an environment that only begins like one of ours. */
async function makeOthers(): Promise<void> {
  const { client } = world.connection;
  const exportConfig = { exportConfigType: "NO_EXPORT" } as const;
  await new CodeBuildClient(client).send(
    new CreateReportGroupCommand({ name: otherReports, type: "TEST", exportConfig }),
  );
  for (const name of others) {
    await new AppRunnerClient(client).send(
      new CreateServiceCommand({
        ServiceName: name,
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
    await new CloudWatchLogsClient(client).send(
      new CreateLogGroupCommand({ logGroupName: `/aws/apprunner/${name}/0123456789abcdef/other` }),
    );
    await new ECSClient(client).send(
      new RegisterTaskDefinitionCommand({
        family: `${name}-migration`,
        containerDefinitions: [{ name: "migration", image: "web-migrate" }],
      }),
    );
  }
}

const otherReports = "spillway-dev-web-unit-tests-unit";
const others = ["spillway-dev-web-staging", "spillway-web-staging-2"];
const made = {
  services: ["links-live", "spillway-web-staging"],
  logs: ["links-live", "spillway-web-staging"],
};

describe("an installation that is removed with all that was made in it", () => {
  it("loses what its releases made, and nothing that is anybody else's", async () => {
    await begin();
    const { clock } = world;
    await world.release("aaaaaaa", {
      stages: { "unit-tests": { reports: [{ group: "unit", type: "TEST", content: undefined }] } },
    });
    await world.deploy({ intent: "promote", service: "web", from: "staging", to: "production" });
    await clock.runUntil(makeOthers());
    await clock.advance(60_000);
    const before = await clock.runUntil(look());
    expect(before.services).toEqual([...made.services, ...others].toSorted());
    expect(before.reports.toSorted()).toEqual([otherReports, "spillway-web-unit-tests-unit"]);
    expect(before.logs).toEqual([...made.logs, ...others].toSorted());
    expect(before.active.filter((name) => name?.startsWith("spillway-web-staging-migration")).length).toBe(2);
    expect(before.active.filter((name) => name?.startsWith("spillway-web-production-migration")).length).toBe(
      2,
    );

    expect(await removeInstallation(world)).toEqual({ payload: '{"cleared":true}', executedVersion: "1" });
    const gone = await clock.runUntil(look());
    expect(gone).toEqual({
      services: ["links-live", ...others].toSorted(),
      logs: ["links-live", ...others].toSorted(),
      active: others.map((name) => `${name}-migration:1`),
      inactive: [],
      reports: [otherReports],
    });
    // Again, as whoever removes an installation does when something else went wrong.
    expect(await removeInstallation(world)).toMatchObject({ payload: '{"cleared":true}' });
    expect(await clock.runUntil(look())).toEqual(gone);
  });

  it.each(["create", "update"] as const)("loses nothing on %s", async (action) => {
    await begin();
    await world.release("aaaaaaa");
    const before = await world.clock.runUntil(look());
    expect(before.services).toEqual(["spillway-web-staging"]);
    const from = new Map(world.requests);
    expect(await removeInstallation(world, action)).toMatchObject({ payload: '{"cleared":false}' });
    expect(world.requests).toEqual(from);
    expect(await world.clock.runUntil(look())).toEqual(before);
  });

  it("waits for an operation of App Runner, which cannot be interrupted", async () => {
    await begin();
    await world.release("aaaaaaa");
    const from = world.events.length;
    await world.push("bbbbbbb", { startSeconds: 4 });
    const { clock } = world;
    const isUnderWay = ({ source, detail }: ServiceEvent) =>
      source === "aws.apprunner" && detail.operationStatus === "UpdateServiceStarted";
    for (let step = 0; step < 2_000 && !world.events.slice(from).some(isUnderWay); step++)
      await clock.advance(500);
    expect(world.events.slice(from).some(isUnderWay)).toBe(true);
    const listed = world.requests.get("AppRunner.DeleteService") ?? 0;
    expect(await removeInstallation(world)).toMatchObject({ payload: '{"cleared":true}' });
    expect(world.requests.get("AppRunner.DeleteService")).toBe(listed + 1);
    expect((await clock.runUntil(look())).services).toEqual([]);
  });

  it("says what to type if that takes too long, and goes on when it is typed", async () => {
    let isBusy = true;
    await begin({
      seams: () => ({
        call: async ({ operation }, send) =>
          isBusy && operation === "AppRunner.DeleteService"
            ? refuse(400, "InvalidStateException", "Service cannot be deleted in the current state")
            : send(),
      }),
    });
    await world.release("aaaaaaa");
    const { functionError, payload } = await removeInstallation(world);
    expect(functionError).toBe("Unhandled");
    const { errorType, errorMessage } = JSON.parse(payload);
    expect(errorType).toBe("TargetBusy");
    expect(errorMessage).toMatch(/service\/spillway-web-staging\/\w+ is RUNNING/);
    expect(errorMessage).toMatch(/run npx sst remove with the same --stage again/);
    expect((await world.clock.runUntil(look())).services).toEqual(["spillway-web-staging"]);
    isBusy = false;
    expect(await removeInstallation(world)).toMatchObject({ payload: '{"cleared":true}' });
    expect((await world.clock.runUntil(look())).services).toEqual([]);
  });

  it("waits when AWS asks for patience", async () => {
    const refusals: GatewayResponse[] = [
      refuse(400, "ThrottlingException", "Rate exceeded"),
      refuse(500, "InternalServerError", "Internal failure"),
    ];
    await begin({
      seams: () => ({
        call: async ({ operation }, send) =>
          (operation.endsWith(".DeregisterTaskDefinition") ? refusals.pop() : undefined) ?? send(),
      }),
    });
    await world.release("aaaaaaa");
    expect(await removeInstallation(world)).toMatchObject({ payload: '{"cleared":true}' });
    expect(refusals).toEqual([]);
    expect(await world.clock.runUntil(look())).toEqual({
      services: [],
      logs: [],
      active: [],
      inactive: [],
      reports: [],
    });
  });
});
