import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CloudWatchLogsClient, DescribeLogStreamsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServiceEvent } from "../local/world.ts";
import type { OtherAnswers } from "./simulation/functions.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

const sources = resolve(import.meta.dirname, "../state-machines");

let world: SimulatedWorld;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "spillway-next-"));
  await cp(sources, join(root, "state-machines"), { recursive: true });
});
afterEach(async () => {
  await world.close();
  await rm(root, { recursive: true, force: true });
});

/** A function that answers in other words, and what its machine reads in them instead. */
interface Change {
  readonly machine: "release" | "deploy";
  readonly reads: string;
  readonly willRead: string;
  readonly answers: OtherAnswers;
}

/** Neither the definition of one version can work with the function of the other. */
const healthInOtherWords: Change = {
  machine: "deploy",
  reads: "{% $states.result.Payload.verdict %}",
  willRead: "{% $states.result.Payload.judgement %}",
  answers: { CheckHealth: ({ verdict: judgement, ...rest }) => ({ ...rest, judgement }) },
};
const endInOtherWords: Change = {
  machine: "release",
  reads: '"ending": "{% $states.result.Payload %}"',
  willRead: '"ending": "{% $states.result.Payload.end %}"',
  answers: { CompleteRelease: (end) => ({ end }) },
};

/** Installs the version of Spillway with this change over the one that is there. */
async function upgrade({ machine, reads, willRead, answers }: Change): Promise<void> {
  const file = join(root, "state-machines", `${machine}.asl.json`);
  const definition = await readFile(file, "utf8");
  expect(definition.split(reads)).toHaveLength(2);
  await writeFile(
    file,
    definition.replace(reads, () => willRead),
  );
  await world.upgrade({ root, answers });
}

/** Lets time pass until an event is told after `from` others. */
async function until(isIt: (event: ServiceEvent) => boolean, from: number): Promise<void> {
  for (let step = 0; step < 2_000; step++) {
    if (world.events.slice(from).some(isIt)) return;
    await world.clock.advance(500);
  }
  throw new Error("what was waited for did not come");
}

/** The versions of a function that have run so far, as its log streams name them. */
async function versionsRun(name: string): Promise<string[]> {
  const logs = new CloudWatchLogsClient(world.connection.client);
  const logGroupName = `/aws/lambda/spillway-${name}`;
  const { logStreams = [] } = await world.clock.runUntil(
    logs.send(new DescribeLogStreamsCommand({ logGroupName })),
  );
  const versions = logStreams.map(({ logStreamName = "" }) => /\[(\d+)\]/.exec(logStreamName)?.[1] ?? "");
  return [...new Set(versions)].toSorted();
}

/** A migration that is long under way. */
const slow = { after: "0002", history: ["0001", "0002"], readableFrom: "0001", seconds: 300 };
const migrates = ({ source, detail }: ServiceEvent) =>
  source === "aws.ecs" && detail.lastStatus === "RUNNING" && JSON.stringify(detail).includes("migrate-up");

const idOf = (digest: string) => `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;

describe("an upgrade of Spillway in the middle of a release", () => {
  it("lets a deployment end on the functions with which it began, and the next one begin on the new", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const from = world.events.length;
    const digest = await world.push("bbbbbbb", { migration: slow });
    await until(migrates, from);

    await upgrade(healthInOtherWords);
    expect(await world.ended(idOf(digest))).toMatchObject({ outcome: "Released" });
    expect(world.serving()).toBe("bbbbbbb");
    expect(await versionsRun("CheckHealth")).toEqual(["1"]);

    const next = await world.release("ccccccc");
    expect(await world.ended(next)).toMatchObject({ outcome: "Released" });
    expect(world.serving()).toBe("ccccccc");
    expect(await versionsRun("CheckHealth")).toEqual(["1", "2"]);
  });

  it("lets a release that runs its stages end on its own functions, while its deployment is one of the new version", async () => {
    world = await createWorld();
    const from = world.events.length;
    const digest = await world.push("aaaaaaa", { stages: { "unit-tests": { seconds: 600 } } });
    await until(({ detail }) => detail["project-name"] === "spillway-web-unit-tests", from);

    await upgrade(endInOtherWords);
    expect(await world.ended(idOf(digest))).toMatchObject({ outcome: "Released" });
    expect(world.serving()).toBe("aaaaaaa");
    expect(await versionsRun("CompleteRelease")).toEqual(["1"]);
    expect(await versionsRun("RecordDeployment")).toEqual(["2"]);
  });

  it("rolls back on the functions with which the deployment began", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const from = world.events.length;
    const digest = await world.push("bbbbbbb", { healthStatus: 500, migration: slow });
    await until(migrates, from);

    await upgrade(healthInOtherWords);
    expect(await world.ended(idOf(digest))).toMatchObject({ outcome: "RolledBack" });
    expect(world.serving()).toBe("aaaaaaa");
    expect(await versionsRun("RollBack")).toEqual(["1"]);
  });
});
