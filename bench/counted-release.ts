import { type BatchGetItemInput, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { SFNClient } from "@aws-sdk/client-sfn";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { compilePattern } from "../local/eventbridge/index.ts";
import type { GatewayResponse } from "../local/gateway.ts";
import config from "../spillway.config.ts";
import type { Call } from "../test/simulation/seams.ts";
import { createWorld, type SimulatedWorld } from "../test/simulation/world.ts";
import { countSteps, readHistories, type Steps } from "./histories.ts";

/** How long work takes in AWS, in seconds: the stages as the decision record says, App Runner as its users report. */
export const workSeconds: Readonly<Record<string, number>> = {
  "static-analysis": 30,
  "unit-tests": 90,
  "integration-tests": 240,
  "security-scan": 150,
  "end-to-end": 60,
  performance: 60,
  // A task that only asks takes as long to start as one that migrates, and that is nearly all of it.
  "database-check": 45,
  migration: 45,
  deployment: 240,
};

/** The time in which what goes on at rest is counted. */
const minutesOfRest = 60;

/** One healthy release of the example to the environments of its waves, counted. */
export interface CountedRelease extends Steps {
  /** Functions that its events invoked. */
  readonly heard: number;
  readonly writes: number;
  /** Items that its functions read by their keys, and questions that find or list others: each costs by itself. */
  readonly reads: number;
  /** The largest item of the table, in bytes. */
  readonly largestItem: number;
  /** Tasks that asked or migrated a database. */
  readonly tasks: number;
  /** The stages of its builds, one for each. */
  readonly builds: readonly string[];
  /** From the push to the end. */
  readonly milliseconds: number;
  /** What is read from the table in a minute in which nothing happens. */
  readonly readsAtRest: number;
}

/** Runs that release with the whole application under a virtual clock. */
export async function countRelease(): Promise<CountedRelease> {
  // What functions log and count would bury the table.
  Object.assign(process.env, { POWERTOOLS_LOG_LEVEL: "SILENT", POWERTOOLS_METRICS_DISABLED: "true" });
  const reads = new Map<string, number>();
  const seams = {
    call(call: Call, send: () => Promise<GatewayResponse>) {
      const by = call.invocation?.name ?? "";
      reads.set(by, (reads.get(by) ?? 0) + readsOf(call));
      return send();
    },
  };
  const world = await createWorld(1, config, {}, { seams: () => seams });
  const looking = scheduledIn(world);
  const countReads = (areLooks: boolean) =>
    [...reads].reduce((sum, [by, times]) => (looking.has(by) === areLooks ? sum + times : sum), 0);
  try {
    const began = world.clock.now();
    const id = await world.release("aaaaaaa", {
      startSeconds: workSeconds.deployment ?? 0,
      migration: { seconds: workSeconds.migration ?? 0 },
      stages: Object.fromEntries(
        Object.entries(workSeconds).map(([stage, one]) => [stage, { seconds: one }]),
      ),
    });
    const milliseconds = world.clock.now() - began;
    // Who looks each minute does so without a release, too, and is counted at rest.
    const counted = { writes: countWrites(world), reads: countReads(false) };
    const release = await world.clock.runUntil(world.records.requireRelease(id));
    if (release.outcome !== "Released")
      throw new Error(`The release ended ${release.outcome}: ${release.reason}`);
    const histories = await world.clock.runUntil(readHistories(new SFNClient(world.connection.client)));
    const largestItem = await world.clock.runUntil(measureItems(world));
    const heard = countEvents(world);
    const before = countReads(true);
    await world.clock.advance(minutesOfRest * 60_000);
    const readsAtRest = (countReads(true) - before) / minutesOfRest;
    return { ...countSteps(histories), ...counted, ...heard, largestItem, milliseconds, readsAtRest };
  } finally {
    await world.close();
  }
}

/** The functions that are called at their times, by no event of a release. */
function scheduledIn({ provisioning }: SimulatedWorld): ReadonlySet<string> {
  const { rules } = provisioning.application;
  return new Set(
    rules.flatMap(({ schedule, target }) =>
      schedule !== undefined && "function" in target ? [target.function] : [],
    ),
  );
}

function countWrites({ requests }: SimulatedWorld): number {
  const writes = /^DynamoDB_20120810\.(Put|Update|Delete)Item$/;
  return [...requests].reduce((sum, [operation, times]) => sum + (writes.test(operation) ? times : 0), 0);
}

function readsOf({ operation, request }: Call): number {
  if (/^DynamoDB_20120810\.(GetItem|Query|Scan)$/.test(operation)) return 1;
  if (operation !== "DynamoDB_20120810.BatchGetItem") return 0;
  const { RequestItems }: BatchGetItemInput = JSON.parse(new TextDecoder().decode(request.body));
  return Object.values(RequestItems ?? {}).reduce((sum, { Keys = [] }) => sum + Keys.length, 0);
}

/** What its events tell: which functions heard them, which builds and tasks ended. */
function countEvents({
  events,
  provisioning,
}: SimulatedWorld): Pick<CountedRelease, "heard" | "tasks" | "builds"> {
  const hearing = provisioning.application.rules
    .filter(({ target, pattern }) => "function" in target && pattern !== undefined)
    .map(({ pattern }) => compilePattern(JSON.stringify(pattern)));
  const ofKind = (kind: string) => events.filter((event) => event["detail-type"] === kind);
  return {
    heard: events.reduce((sum, event) => sum + hearing.filter(({ matches }) => matches(event)).length, 0),
    tasks: ofKind("ECS Task State Change").filter(({ detail }) => detail.lastStatus === "STOPPED").length,
    builds: ofKind("CodeBuild Build State Change")
      .filter(({ detail }) => detail["build-status"] === "SUCCEEDED")
      .map(({ detail }) => String(detail["project-name"]).replace("spillway-web-", "")),
  };
}

async function measureItems({ connection, made }: SimulatedWorld): Promise<number> {
  const client = new DynamoDBClient(connection.client);
  const { Items = [] } = await client.send(new ScanCommand({ TableName: made.table }));
  return Math.max(...Items.map((item) => Buffer.byteLength(JSON.stringify(unmarshall(item)))));
}
