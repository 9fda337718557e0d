import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as cloudwatch from "@aws-sdk/client-cloudwatch-logs";
import { afterEach, describe, expect, it } from "vitest";
import { createVirtualClock } from "../../local/asl/virtual-clock.ts";
import { createGateway } from "../../local/gateway.ts";
import { createRequestHandler } from "../../local/handover.ts";
import { listen } from "../../local/http.ts";
import { createLogs, type LogLine, type LogsOptions } from "../../local/logs.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function start(options: LogsOptions = { files: false }) {
  const clock = createVirtualClock({ start: 1_000_000 });
  const folder = await mkdtemp(join(tmpdir(), "logs-"));
  folders.push(folder);
  const world = {
    clock,
    random: () => 0.5,
    accountId: "000000000000",
    region: "eu-central-1",
    endpoint: () => "",
    folder,
    emit: () => {},
  };
  const logs = createLogs(world, options);
  const gateway = createGateway([logs], { clock, random: () => 0.5 });
  const client = new cloudwatch.CloudWatchLogsClient({
    endpoint: "http://127.0.0.1:1",
    region: "eu-central-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(gateway, clock),
  });
  return { clock, folder, logs, gateway, client };
}

const group = "/aws/codebuild/unit-tests";
const messages = (answer: { events?: { message?: string | undefined }[] | undefined }) =>
  answer.events?.map(({ message }) => message);

describe("lines of services", () => {
  it("make their group and stream, are heard at once and can be read", async () => {
    const { logs, client } = await start();
    const heard: LogLine[] = [];
    const end = logs.onLine((line) => heard.push(line));
    logs.write(group, "build-1", "one");
    end();
    logs.write(group, "build-1", "two");
    expect(heard).toEqual([{ group, stream: "build-1", timestamp: 1_000_000, message: "one" }]);
    const read = await client.send(
      new cloudwatch.GetLogEventsCommand({ logGroupName: group, logStreamName: "build-1" }),
    );
    expect(messages(read)).toEqual(["one", "two"]);
  });

  it("are appended to files, which keep to their folder and hold no terminal commands", async () => {
    const { logs, folder } = await start({});
    logs.write(group, "2026/11/24/[$LATEST]abc", "plain \u001b[31mred\u0007\ttab");
    logs.write("../../escape", "..", "x");
    logs.write("../../escape", "../../../up", "y");
    await logs.stop();
    const file = join(folder, "logs/aws/codebuild/unit-tests/2026-11-24--$LATEST-abc.log");
    expect(await readFile(file, "utf8")).toBe("1970-01-01T00:16:40.000Z plain [31mred\ttab\n");
    expect((await readdir(folder)).sort()).toEqual(["logs"]);
    expect(await readdir(join(folder, "logs"), { recursive: true })).toEqual(
      expect.arrayContaining(["--/--/escape/--.log", "--/--/escape/..-..-..-up.log"]),
    );
  });

  it("are held within limits", async () => {
    const { logs, client } = await start({ files: false, limits: { eventsPerStream: 10, bytes: 1000 } });
    for (let line = 0; line < 25; line++) logs.write(group, "long", `line ${line}`);
    const read = () =>
      client.send(new cloudwatch.GetLogEventsCommand({ logGroupName: group, logStreamName: "long" }));
    const kept = messages(await read());
    expect(kept?.length).toBeLessThanOrEqual(10);
    expect(kept?.at(-1)).toBe("line 24");
    for (let line = 0; line < 10; line++) logs.write(group, "wide", "x".repeat(200));
    expect(messages(await read())).toEqual([]);
    const { logStreams } = await client.send(
      new cloudwatch.DescribeLogStreamsCommand({ logGroupName: group }),
    );
    const held = logStreams?.map(({ storedBytes = 0 }) => storedBytes).reduce((sum, bytes) => sum + bytes, 0);
    expect(held).toBeLessThanOrEqual(1000);
  });
});

describe("reading", () => {
  it("pages forwards and backwards by tokens that come back at the end", async () => {
    const { logs, client } = await start();
    for (let line = 0; line < 5; line++) logs.write(group, "s", `${line}`);
    logs.write(group, "other", "between");
    const get = (input: Partial<cloudwatch.GetLogEventsCommandInput>) =>
      client.send(new cloudwatch.GetLogEventsCommand({ logGroupName: group, logStreamName: "s", ...input }));
    const head = await get({ startFromHead: true, limit: 2 });
    expect(messages(head)).toEqual(["0", "1"]);
    const next = await get({ nextToken: head.nextForwardToken, limit: 2 });
    expect(messages(next)).toEqual(["2", "3"]);
    expect(messages(await get({ nextToken: next.nextBackwardToken, limit: 1 }))).toEqual(["1"]);
    const last = await get({ nextToken: next.nextForwardToken });
    const end = await get({ nextToken: last.nextForwardToken });
    expect(messages(end)).toEqual([]);
    expect(end.nextForwardToken).toBe(last.nextForwardToken);
    logs.write(group, "s", "late");
    expect(messages(await get({ nextToken: end.nextForwardToken }))).toEqual(["late"]);
    expect(messages(await get({ limit: 2 }))).toEqual(["4", "late"]);
    await expect(get({ nextToken: "nonsense" })).rejects.toBeInstanceOf(cloudwatch.InvalidParameterException);
  });

  it("filters by words, phrases, streams and time, in order of time", async () => {
    const { clock, logs, client } = await start();
    logs.write(group, "a", "ERROR the tests failed");
    await clock.advance(10);
    logs.write(group, "b", "ERROR cannot compile");
    logs.write(group, "b", "all well");
    await clock.advance(10);
    logs.write(group, "a", "ERROR at last");
    const filter = async (input: Partial<cloudwatch.FilterLogEventsCommandInput>) =>
      messages(await client.send(new cloudwatch.FilterLogEventsCommand({ logGroupName: group, ...input })));
    expect(await filter({ filterPattern: "ERROR" })).toEqual([
      "ERROR the tests failed",
      "ERROR cannot compile",
      "ERROR at last",
    ]);
    expect(await filter({ filterPattern: '"tests failed"' })).toEqual(["ERROR the tests failed"]);
    expect(await filter({ filterPattern: "ERROR -compile" })).toHaveLength(2);
    expect(await filter({ filterPattern: "?compile ?well" })).toEqual(["ERROR cannot compile", "all well"]);
    expect(await filter({ logStreamNames: ["b"] })).toHaveLength(2);
    expect(await filter({ startTime: 1_000_010, endTime: 1_000_020 })).toHaveLength(2);
    await expect(filter({ filterPattern: '{ $.level = "ERROR" }' })).rejects.toThrow("words and");
    const first = await client.send(new cloudwatch.FilterLogEventsCommand({ logGroupName: group, limit: 3 }));
    expect(await filter({ nextToken: first.nextToken })).toEqual(["ERROR at last"]);
  });
});

describe("groups and streams of users", () => {
  it("are made, written, described and deleted over real HTTP", async () => {
    const { gateway } = await start();
    const listening = await listen(gateway, { port: 0 });
    const client = new cloudwatch.CloudWatchLogsClient({
      endpoint: listening.url,
      region: "eu-central-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    await client.send(new cloudwatch.CreateLogGroupCommand({ logGroupName: "mine" }));
    await expect(
      client.send(new cloudwatch.CreateLogGroupCommand({ logGroupName: "mine" })),
    ).rejects.toBeInstanceOf(cloudwatch.ResourceAlreadyExistsException);
    await client.send(
      new cloudwatch.PutRetentionPolicyCommand({ logGroupName: "mine", retentionInDays: 14 }),
    );
    await expect(
      client.send(new cloudwatch.PutRetentionPolicyCommand({ logGroupName: "mine", retentionInDays: 15 })),
    ).rejects.toBeInstanceOf(cloudwatch.InvalidParameterException);
    await client.send(new cloudwatch.CreateLogStreamCommand({ logGroupName: "mine", logStreamName: "s" }));
    const put = (...stamps: number[]) =>
      client.send(
        new cloudwatch.PutLogEventsCommand({
          logGroupName: "mine",
          logStreamName: "s",
          logEvents: stamps.map((timestamp) => ({ timestamp, message: `at ${timestamp}` })),
        }),
      );
    await put(1, 2);
    await expect(put(4, 3)).rejects.toThrow("chronological order");
    await expect(put(9e15)).rejects.toThrow("whole milliseconds");
    const { logGroups } = await client.send(
      new cloudwatch.DescribeLogGroupsCommand({ logGroupNamePrefix: "mi" }),
    );
    expect(logGroups).toMatchObject([
      {
        logGroupName: "mine",
        retentionInDays: 14,
        arn: "arn:aws:logs:eu-central-1:000000000000:log-group:mine:*",
      },
    ]);
    const { logStreams } = await client.send(
      new cloudwatch.DescribeLogStreamsCommand({
        logGroupIdentifier: logGroups?.[0]?.arn,
        orderBy: "LastEventTime",
      }),
    );
    expect(logStreams).toMatchObject([{ logStreamName: "s", firstEventTimestamp: 1, lastEventTimestamp: 2 }]);
    await client.send(new cloudwatch.DeleteLogGroupCommand({ logGroupName: "mine" }));
    await expect(put(5)).rejects.toBeInstanceOf(cloudwatch.ResourceNotFoundException);
    await listening.close();
  });
});
