import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemovePermissionCommand,
} from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../local/asl/virtual-clock.ts";
import { createEventBridge, type EventBridge } from "../../../local/eventbridge/index.ts";
import { createGateway } from "../../../local/gateway.ts";
import { createRequestHandler } from "../../../local/handover.ts";
import { createIam } from "../../../local/iam/index.ts";
import type { ServiceEvent } from "../../../local/world.ts";
import { createTestWorld } from "../test-world.ts";

const bus = "arn:aws:events:eu-central-1:000000000000:event-bus/spillway";
const heard = "arn:aws:lambda:eu-central-1:000000000000:function:CompleteWait:1";
const stopped: ServiceEvent = {
  source: "aws.ecs",
  "detail-type": "ECS Task State Change",
  resources: [],
  detail: { lastStatus: "STOPPED" },
};

const RoleArn = "arn:aws:iam::210987654321:role/forward";

function clientOf(bridge: EventBridge, clock: VirtualClock): EventBridgeClient {
  return new EventBridgeClient({
    endpoint: "http://127.0.0.1:1",
    region: "eu-central-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(createGateway([bridge], { clock, random: () => 0.5 }), clock),
  });
}

/** Two accounts: a rule of one hands on what its tasks do to a bus of the other, where a function hears it. */
async function twoAccounts() {
  const clock = createVirtualClock({ start: Date.parse("2026-11-24T00:00:00Z") });
  const invoked: { account: string }[] = [];
  const dropped: string[] = [];
  const home = createEventBridge(createTestWorld(clock), {
    invoke: async (_, payload) => {
      invoked.push(JSON.parse(payload));
      return { payload: "null", executedVersion: "1" };
    },
    startExecution: async () => {},
  });
  const world = createTestWorld(clock);
  const iam = createIam({ clock, random: world.random, accountId: "210987654321" });
  const away = createEventBridge(
    { ...world, accountId: "210987654321", iam },
    {
      invoke: () => Promise.reject(new Error("there are no functions here")),
      startExecution: async () => {},
      forwardAbroad: (busArn, event) => home.receive(busArn, event, "210987654321"),
      onDropped: ({ reason }) => dropped.push(reason),
    },
  );
  const [there, here] = [clientOf(away, clock), clientOf(home, clock)];
  await here.send(new CreateEventBusCommand({ Name: "spillway" }));
  const EventPattern = JSON.stringify({ source: [{ prefix: "aws." }] });
  for (const [client, EventBusName, Arn] of [
    [there, "default", bus],
    [here, "spillway", heard],
  ] as const) {
    await client.send(new PutRuleCommand({ Name: "ends", EventBusName, EventPattern }));
    await client.send(
      new PutTargetsCommand({ Rule: "ends", EventBusName, Targets: [{ Id: "one", Arn, RoleArn }] }),
    );
  }
  const grant = (Principal: object, Condition: object = {}) =>
    here.send(
      new PutPermissionCommand({
        EventBusName: "spillway",
        Policy: JSON.stringify({
          Statement: [{ Effect: "Allow", Principal, Action: "events:PutEvents", Resource: bus, Condition }],
        }),
      }),
    );
  const tell = async (event = stopped) => {
    away.putServiceEvent(event);
    await clock.runUntil(away.idle().then(() => home.idle()));
  };
  return { here, iam, invoked, dropped, grant, tell };
}

describe("a bus of another account", () => {
  it("takes events of whom its policy names, which keep the account where they happened", async () => {
    const { grant, tell, invoked, dropped } = await twoAccounts();
    await grant(
      { AWS: ["arn:aws:iam::210987654321:root"] },
      { StringEquals: { "events:source": ["aws.ecs"] } },
    );
    await tell();
    expect(invoked).toMatchObject([{ account: "210987654321", source: "aws.ecs" }]);
    await tell({ ...stopped, source: "aws.apprunner" });
    expect(invoked).toHaveLength(1);
    expect(dropped).toEqual([
      `${bus} does not let the account 210987654321 put ECS Task State Change of aws.apprunner`,
    ]);
  });

  it("takes nothing without a policy, of another account than it names, or once its policy is gone", async () => {
    const { here, grant, tell, invoked, dropped } = await twoAccounts();
    await tell();
    await grant({ AWS: "arn:aws:iam::999999999999:root" });
    await tell();
    await grant({ AWS: "210987654321" });
    await here.send(new RemovePermissionCommand({ EventBusName: "spillway", RemoveAllPermissions: true }));
    await tell();
    expect(invoked).toEqual([]);
    expect(dropped).toHaveLength(3);
  });

  it("is told nothing by a rule whose role may put events elsewhere only", async () => {
    const { iam, grant, tell, invoked, dropped } = await twoAccounts();
    await grant({ AWS: "210987654321" });
    const may = (resource: string) =>
      iam.putRole({ arn: RoleArn, statements: [{ actions: ["events:PutEvents"], resources: [resource] }] });
    may(`${bus}-2`);
    await tell();
    expect(invoked).toEqual([]);
    expect(dropped).toEqual([
      expect.stringContaining(
        `User: arn:aws:sts::210987654321:assumed-role/forward/ends is not authorized to perform: events:PutEvents on resource: ${bus} `,
      ),
    ]);
    may(bus);
    await tell();
    expect(invoked).toHaveLength(1);
  });

  it("is not given a policy that could not be judged", async () => {
    const { here, grant } = await twoAccounts();
    await expect(grant({ AWS: "210987654321" }, { ArnLike: { "aws:SourceArn": "*" } })).rejects.toThrow(
      "resource policies that Allow under StringEquals, not ArnLike",
    );
    const half = new PutPermissionCommand({ EventBusName: "spillway", Policy: "{" });
    await expect(here.send(half)).rejects.toThrow("not a JSON document");
  });
});
