import * as eventbridge from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../local/asl/virtual-clock.ts";
import {
  createEventBridge,
  type DroppedEvent,
  type EventBridgeOptions,
} from "../../../local/eventbridge/index.ts";
import { createGateway } from "../../../local/gateway.ts";
import { createRequestHandler } from "../../../local/handover.ts";
import { listen } from "../../../local/http.ts";
import { AwsError } from "../../../local/service.ts";
import type { World } from "../../../local/world.ts";

const FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:CompleteWait:3";
const MACHINE = "arn:aws:states:eu-central-1:000000000000:stateMachine:release";
const ROLE = "arn:aws:iam::000000000000:role/events";
const { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } = eventbridge;

function start(given: Partial<EventBridgeOptions> = {}) {
  const clock = createVirtualClock({ start: Date.parse("2026-11-24T00:00:00Z") });
  let seed = 0;
  const world: World = {
    clock,
    random: () => {
      seed = (seed + 0.1234567) % 1;
      return seed;
    },
    accountId: "000000000000",
    region: "eu-central-1",
    endpoint: () => "http://127.0.0.1:4566",
    folder: "",
    emit: () => {},
  };
  const invoked: { arn: string; payload: unknown; at: number }[] = [];
  const started: { arn: string; input: unknown; at: number }[] = [];
  const dropped: DroppedEvent[] = [];
  const bridge = createEventBridge(world, {
    invoke: async (arn, payload) => {
      invoked.push({ arn, payload: JSON.parse(payload), at: clock.now() });
      return { payload: "null", executedVersion: "3" };
    },
    startExecution: async (arn, input) => {
      started.push({ arn, input: JSON.parse(input), at: clock.now() });
    },
    onDropped: (event) => dropped.push(event),
    ...given,
  });
  const gateway = createGateway([bridge], { clock, random: world.random });
  const client = new EventBridgeClient({
    endpoint: "http://127.0.0.1:1",
    region: "eu-central-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(gateway, clock),
  });
  return { clock, bridge, gateway, client, invoked, started, dropped };
}

const push = {
  source: "aws.ecr",
  "detail-type": "ECR Image Action",
  resources: [],
  detail: { "action-type": "PUSH", result: "SUCCESS", "repository-name": "web", "image-tag": "3f2a91c" },
} as const;

async function onPush(client: eventbridge.EventBridgeClient, target: Partial<eventbridge.Target> = {}) {
  await client.send(
    new PutRuleCommand({
      Name: "image-pushed",
      EventPattern: JSON.stringify({
        source: ["aws.ecr"],
        detail: { "action-type": ["PUSH"], "image-tag": [{ "anything-but": "" }] },
      }),
    }),
  );
  await client.send(
    new PutTargetsCommand({
      Rule: "image-pushed",
      Targets: [{ Id: "release", Arn: MACHINE, RoleArn: ROLE, ...target }],
    }),
  );
}

describe("events of AWS services", () => {
  it("start a state machine with the whole event", async () => {
    const { bridge, client, clock, started } = start();
    await onPush(client);
    bridge.putServiceEvent({ ...push, resources: [] });
    bridge.putServiceEvent({ ...push, resources: [], detail: { ...push.detail, "image-tag": "" } });
    expect(started).toEqual([]);
    await clock.runUntil(bridge.idle());
    expect(started).toHaveLength(1);
    expect(started[0]?.arn).toBe(MACHINE);
    expect(started[0]?.input).toMatchObject({
      version: "0",
      source: "aws.ecr",
      account: "000000000000",
      region: "eu-central-1",
      time: "2026-11-24T00:00:00Z",
      detail: push.detail,
    });
  });

  it("are transformed for the target", async () => {
    const { bridge, client, clock, started } = start();
    await onPush(client, {
      InputTransformer: {
        InputPathsMap: { tag: "$.detail['image-tag']", repository: "$.detail.repository-name" },
        InputTemplate: '{"tag": <tag>, "text": "<repository> by <aws.events.rule-name>"}',
      },
    });
    bridge.putServiceEvent({ ...push, resources: [] });
    await clock.runUntil(bridge.idle());
    expect(started[0]?.input).toEqual({ tag: "3f2a91c", text: "web by image-pushed" });
  });

  it("reach no disabled rule", async () => {
    const { bridge, client, clock, started } = start();
    await onPush(client);
    await client.send(new eventbridge.DisableRuleCommand({ Name: "image-pushed" }));
    bridge.putServiceEvent({ ...push, resources: [] });
    await clock.runUntil(bridge.idle());
    expect(started).toEqual([]);
  });
});

describe("delivery", () => {
  it("tries a failed function after one minute and after two more, then drops and tells", async () => {
    const times: number[] = [];
    const { bridge, client, clock, dropped } = start({
      invoke: async () => {
        times.push(clock.now());
        return {
          payload: '{"errorType":"Broken","errorMessage":"no"}',
          functionError: "Unhandled",
          executedVersion: "3",
        };
      },
    });
    await onPush(client, { Arn: FUNCTION });
    const begin = clock.now();
    bridge.putServiceEvent({ ...push, resources: [] });
    await clock.runUntil(bridge.idle());
    expect(times.map((time) => (time - begin) / 1000)).toEqual([0, 60, 180]);
    expect(dropped).toEqual([
      expect.objectContaining({
        ruleName: "image-pushed",
        targetArn: FUNCTION,
        reason: "the function failed 3 times, last with Broken: no",
      }),
    ]);
  });

  it("retries to start an execution while that may help, and no longer", async () => {
    let failures = 3;
    const { bridge, client, clock, dropped, started } = start({
      startExecution: async (arn, input) => {
        if (failures-- > 0) throw new AwsError("ThrottlingException", "slow down");
        started.push({ arn, input: JSON.parse(input), at: clock.now() });
      },
    });
    await onPush(client);
    const begin = clock.now();
    bridge.putServiceEvent({ ...push, resources: [] });
    await clock.runUntil(bridge.idle());
    expect(started.map(({ at }) => at - begin)).toEqual([7000]);
    expect(dropped).toEqual([]);
  });

  it("gives up at once on what retrying cannot mend, and when the policy is exhausted", async () => {
    const { bridge, client, clock, dropped } = start({
      startExecution: async () => {
        throw new AwsError("StateMachineDoesNotExist", "gone");
      },
    });
    await onPush(client);
    bridge.putServiceEvent({ ...push, resources: [] });
    await clock.runUntil(bridge.idle());
    expect(dropped[0]?.reason).toBe("StateMachineDoesNotExist: gone");

    const other = start({
      startExecution: async () => {
        throw new Error("the network");
      },
    });
    await onPush(other.client, { RetryPolicy: { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 3600 } });
    other.bridge.putServiceEvent({ ...push, resources: [] });
    await other.clock.runUntil(other.bridge.idle());
    expect(other.dropped[0]?.reason).toBe("gave up after 3 attempts, last with Error: the network");
  });

  it("waits for nothing once it is stopped", async () => {
    const { bridge, client, clock } = start({
      startExecution: async () => {
        throw new Error("the network");
      },
    });
    await onPush(client);
    bridge.putServiceEvent({ ...push, resources: [] });
    await clock.advance(100);
    expect(clock.pendingTimers).toBe(1);
    await bridge.stop();
    await clock.runUntil(bridge.idle());
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("PutEvents", () => {
  it("takes what is right and says what is wrong, entry by entry", async () => {
    const { bridge, client, clock, started } = start();
    await client.send(new eventbridge.CreateEventBusCommand({ Name: "spillway" }));
    await client.send(
      new PutRuleCommand({
        Name: "asked",
        EventBusName: "spillway",
        EventPattern: '{"detail-type":["Release Requested"]}',
      }),
    );
    await client.send(
      new PutTargetsCommand({
        Rule: "asked",
        EventBusName: "spillway",
        Targets: [{ Id: "1", Arn: MACHINE, RoleArn: ROLE, InputPath: "$.detail" }],
      }),
    );
    const good = {
      Source: "ci",
      DetailType: "Release Requested",
      Detail: '{"service":"web"}',
      EventBusName: "spillway",
    };
    const answer = await client.send(
      new PutEventsCommand({
        Entries: [
          good,
          { ...good, Source: "aws.ecr" },
          { ...good, Detail: "[1]" },
          { ...good, DetailType: undefined },
          { ...good, EventBusName: "arn:aws:events:eu-central-1:000000000000:event-bus/spillway" },
        ],
      }),
    );
    expect(answer.FailedEntryCount).toBe(3);
    expect(answer.Entries?.map((entry) => entry.ErrorCode ?? "taken")).toEqual([
      "taken",
      "NotAuthorizedForSourceException",
      "MalformedDetail",
      "InvalidArgument",
      "taken",
    ]);
    await clock.runUntil(bridge.idle());
    expect(started.map(({ input }) => input)).toEqual([{ service: "web" }, { service: "web" }]);
  });

  it("drops events for a bus that does not exist, and tells", async () => {
    const { client, dropped } = start();
    const answer = await client.send(
      new PutEventsCommand({
        Entries: [{ Source: "ci", DetailType: "x", Detail: "{}", EventBusName: "nowhere" }],
      }),
    );
    expect(answer.FailedEntryCount).toBe(0);
    expect(answer.Entries?.[0]?.EventId).toMatch(/^[0-9a-f-]{36}$/);
    expect(dropped[0]?.reason).toBe("event bus nowhere does not exist");
  });

  it("refuses more than ten entries and more than a mebibyte", async () => {
    const { client } = start();
    const entry = { Source: "ci", DetailType: "x", Detail: "{}" };
    const many = client.send(new PutEventsCommand({ Entries: Array.from({ length: 11 }, () => entry) }));
    await expect(many).rejects.toMatchObject({ name: "ValidationException" });
    const large = client.send(
      new PutEventsCommand({
        Entries: [{ ...entry, Detail: JSON.stringify({ text: "x".repeat(1024 * 1024) }) }],
      }),
    );
    await expect(large).rejects.toThrow("Total size of the entries in the request is over the limit.");
  });
});

describe("schedules", () => {
  it("fire at their rate until they are disabled", async () => {
    const { bridge, client, clock, invoked } = start();
    await client.send(new PutRuleCommand({ Name: "reconcile", ScheduleExpression: "rate(1 minute)" }));
    await client.send(
      new PutTargetsCommand({
        Rule: "reconcile",
        Targets: [
          { Id: "1", Arn: FUNCTION, Input: '{"reason":"schedule"}' },
          { Id: "2", Arn: FUNCTION },
        ],
      }),
    );
    await clock.advance(3 * 60_000);
    expect(invoked.filter(({ payload }) => JSON.stringify(payload) === '{"reason":"schedule"}')).toHaveLength(
      3,
    );
    expect(
      invoked.find(({ payload }) => JSON.stringify(payload).includes("Scheduled Event"))?.payload,
    ).toMatchObject({
      source: "aws.events",
      resources: ["arn:aws:events:eu-central-1:000000000000:rule/reconcile"],
      detail: {},
    });
    await client.send(new eventbridge.DisableRuleCommand({ Name: "reconcile" }));
    await clock.advance(10 * 60_000);
    expect(invoked).toHaveLength(6);
    await client.send(new eventbridge.EnableRuleCommand({ Name: "reconcile" }));
    await clock.advance(60_000);
    expect(invoked).toHaveLength(8);
    await bridge.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    "rate(1 minutes)",
    "rate(2 minute)",
    "rate(0 minutes)",
    "rate(1 week)",
    "every minute",
    "cron(0 12 * * ? *)",
  ])("refuses %s", async (expression) => {
    const { client } = start();
    const put = client.send(new PutRuleCommand({ Name: "r", ScheduleExpression: expression }));
    await expect(put).rejects.toMatchObject({ name: "ValidationException" });
  });
});

describe("rules, targets and buses", () => {
  it("are listed, described and deleted as in AWS", async () => {
    const { client } = start();
    await onPush(client);
    expect(await client.send(new eventbridge.DescribeRuleCommand({ Name: "image-pushed" }))).toMatchObject({
      Arn: "arn:aws:events:eu-central-1:000000000000:rule/image-pushed",
      State: "ENABLED",
      EventBusName: "default",
    });
    await client.send(new PutRuleCommand({ Name: "another", EventPattern: '{"source":["x"]}' }));
    const first = await client.send(new eventbridge.ListRulesCommand({ Limit: 1 }));
    const second = await client.send(
      new eventbridge.ListRulesCommand({ Limit: 1, NextToken: first.NextToken }),
    );
    expect([first, second].map(({ Rules }) => Rules?.[0]?.Name)).toEqual(["another", "image-pushed"]);
    expect(second.NextToken).toBeUndefined();
    const targets = await client.send(new eventbridge.ListTargetsByRuleCommand({ Rule: "image-pushed" }));
    expect(targets.Targets).toEqual([{ Id: "release", Arn: MACHINE, RoleArn: ROLE }]);
    const named = await client.send(new eventbridge.ListRuleNamesByTargetCommand({ TargetArn: MACHINE }));
    expect(named.RuleNames).toEqual(["image-pushed"]);
    await expect(client.send(new eventbridge.DeleteRuleCommand({ Name: "image-pushed" }))).rejects.toThrow(
      "Rule can't be deleted since it has targets.",
    );
    const removed = await client.send(
      new eventbridge.RemoveTargetsCommand({ Rule: "image-pushed", Ids: ["release", "other"] }),
    );
    expect(removed.FailedEntryCount).toBe(1);
    await client.send(new eventbridge.DeleteRuleCommand({ Name: "image-pushed" }));
    await expect(
      client.send(new eventbridge.DescribeRuleCommand({ Name: "image-pushed" })),
    ).rejects.toBeInstanceOf(eventbridge.ResourceNotFoundException);
  });

  it("refuse what AWS refuses and what the local AWS cannot do", async () => {
    const { client } = start();
    await onPush(client);
    const refused = (targets: eventbridge.Target[]) =>
      client.send(new PutTargetsCommand({ Rule: "image-pushed", Targets: targets }));
    await expect(
      refused([{ Id: "q", Arn: "arn:aws:sqs:eu-central-1:000000000000:q" }]),
    ).rejects.toMatchObject({
      name: "NotImplemented",
    });
    await expect(
      refused([{ Id: "q", Arn: MACHINE, RoleArn: ROLE, DeadLetterConfig: { Arn: "arn:x" } }]),
    ).rejects.toThrow("DeadLetterConfig");
    await expect(refused([{ Id: "m", Arn: MACHINE }])).rejects.toThrow("RoleArn is required");
    const six = Array.from({ length: 5 }, (_, index) => ({ Id: `${index}`, Arn: FUNCTION }));
    await expect(refused(six)).rejects.toBeInstanceOf(eventbridge.LimitExceededException);
    await expect(
      client.send(new PutRuleCommand({ Name: "bad", EventPattern: '{"source":"x"}' })),
    ).rejects.toBeInstanceOf(eventbridge.InvalidEventPatternException);
    await expect(client.send(new PutRuleCommand({ Name: "none" }))).rejects.toThrow("must be specified");
  });

  it("forward an event once and not in circles", async () => {
    const { client, bridge, clock, dropped } = start();
    const { EventBusArn } = await client.send(new eventbridge.CreateEventBusCommand({ Name: "circle" }));
    await client.send(
      new PutRuleCommand({ Name: "all", EventBusName: "circle", EventPattern: '{"source":["ci"]}' }),
    );
    await client.send(
      new PutTargetsCommand({
        Rule: "all",
        EventBusName: "circle",
        Targets: [{ Id: "itself", Arn: EventBusArn, RoleArn: ROLE }],
      }),
    );
    const entry = { Source: "ci", DetailType: "t", Detail: "{}", EventBusName: "circle" };
    await client.send(new PutEventsCommand({ Entries: [entry] }));
    await clock.runUntil(bridge.idle());
    expect(dropped).toMatchObject([{ ruleName: "all", targetArn: EventBusArn }]);
  });

  it("pass events from bus to bus, and test patterns, over real HTTP", async () => {
    const { gateway, bridge, clock, started } = start();
    const listening = await listen(gateway, { port: 0 });
    const client = new EventBridgeClient({
      endpoint: listening.url,
      region: "eu-central-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    const bus = await client.send(new eventbridge.CreateEventBusCommand({ Name: "other" }));
    await client.send(new PutRuleCommand({ Name: "all", EventPattern: '{"source":["ci"]}' }));
    await client.send(
      new PutTargetsCommand({ Rule: "all", Targets: [{ Id: "bus", Arn: bus.EventBusArn, RoleArn: ROLE }] }),
    );
    await client.send(
      new PutRuleCommand({ Name: "all", EventBusName: "other", EventPattern: '{"source":["ci"]}' }),
    );
    await client.send(
      new PutTargetsCommand({
        Rule: "all",
        EventBusName: "other",
        Targets: [{ Id: "m", Arn: MACHINE, RoleArn: ROLE }],
      }),
    );
    await client.send(new PutEventsCommand({ Entries: [{ Source: "ci", DetailType: "t", Detail: "{}" }] }));
    await clock.runUntil(bridge.idle());
    expect(started).toHaveLength(1);
    const tested = await client.send(
      new eventbridge.TestEventPatternCommand({
        EventPattern: '{"detail":{"n":[{"numeric":[">",1]}]}}',
        Event: JSON.stringify({ ...Object(started[0]?.input), detail: { n: 2 } }),
      }),
    );
    expect(tested.Result).toBe(true);
    expect(
      (await client.send(new eventbridge.ListEventBusesCommand({}))).EventBuses?.map(({ Name }) => Name),
    ).toEqual(["default", "other"]);
    await client.send(new eventbridge.DeleteEventBusCommand({ Name: "other" }));
    await expect(client.send(new eventbridge.DescribeEventBusCommand({ Name: "other" }))).rejects.toThrow(
      "does not exist",
    );
    await listening.close();
  });
});
