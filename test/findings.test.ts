import { Readable } from "node:stream";
import { BatchDeleteImageCommand, ECRClient, UpdateImageStorageClassCommand } from "@aws-sdk/client-ecr";
import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readStatus, renderStatus } from "../cli/environment-status.ts";
import { imageOf } from "./simulation/image.ts";
import type { Seams } from "./simulation/seams.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

/** What the functions print, of which CloudWatch makes logs and metrics. */
let printed: string[] = [];
let world: SimulatedWorld;
beforeEach(() => {
  printed = [];
  vi.stubEnv("POWERTOOLS_LOG_LEVEL", "WARN");
  vi.stubEnv("POWERTOOLS_METRICS_DISABLED", "false");
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  vi.spyOn(process.stderr, "write").mockImplementation((text) => printed.push(String(text)) > 0);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await world.close();
});

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const minutes = (count: number) => world.clock.advance(count * 60_000);

/** Every value of a metric that a function counted. */
function counted(metric: string, by = "Reconcile"): unknown[] {
  return printed
    .flatMap((text) => text.split("\n"))
    .filter((line) => line.includes("_aws"))
    .map((line) => JSON.parse(line))
    .filter(({ service, [metric]: value }) => service === by && value !== undefined)
    .map(({ [metric]: value }) => value);
}

async function silence(rule: string): Promise<void> {
  const bus = new EventBridgeClient(world.connection.client);
  await run(bus.send(new DisableRuleCommand({ Name: rule })));
}

describe("what is found by who looks regularly", () => {
  it("is counted as an overdue wait once nobody could ask about it for five minutes, and holds up nothing else", async () => {
    world = await createWorld();
    const now = world.clock.now();
    await run(
      world.records.openWait({
        key: "web-gone-1/stage/unit-tests",
        kind: "build",
        release: "web-gone-1",
        token: "nobody's",
        tries: 0,
        begunAt: now,
        awaitedArn: "arn:aws:codebuild:us-east-1:000000000000:build/spillway-web-unit-tests:gone",
        subject: { stage: "unit-tests" },
        looks: 0,
        lookAgainAt: now,
      }),
    );
    await minutes(4);
    expect(new Set(counted("OverdueWaits"))).toEqual(new Set([0]));
    expect(counted("Failed").length).toBeGreaterThan(1);
    await minutes(3);
    expect(counted("OverdueWaits").at(-1)).toBe(1);

    // Only Reconcile tells of builds from now on, and it goes on failing for the one that is gone.
    await silence("BuildEnded");
    const id = await world.release("aaaaaaa");
    expect(await run(world.records.requireRelease(id))).toMatchObject({ outcome: "Released" });
  });

  it("is a failure, once, when nothing becomes of a push however often its release is started", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    await minutes(6);
    const digest = await world.push("bbbbbbb", {
      migration: { after: "0002", history: ["0001", "0002"], pushedAfterSeconds: 86_400 },
    });
    await minutes(60);
    expect(counted("Failed", "FindLostPushes")).toEqual([]);
    await minutes(240);
    expect(counted("Failed", "FindLostPushes")).toEqual([1]);
    expect(await run(world.records.refusedPush("web", digest))).toMatchObject({
      reason: expect.stringContaining("The migration image web-migrate:bbbbbbb is not in ECR yet"),
    });
    expect(printed.join("\n")).toMatch(/PushRefused: Nothing becomes of .*\{\\"service\\":\\"web\\",/);
  });

  it("is told by name when what is live is among the last that ECR keeps", async () => {
    world = await createWorld();
    const id = await world.release("aaaaaaa");
    await minutes(11);
    expect(counted("ImagesNearLimit", "WatchImages")).toContain(0);
    expect(counted("ImagesNearLimit", "WatchImages")).not.toContain(1);

    await silence("ImagePushed");
    for (let number = 0; number < 400; number++) {
      const { blob, manifest } = imageOf({ number: String(number) });
      await run(world.aws.images.writeBlob(Readable.from([Buffer.from(blob)])));
      const mediaType = "application/vnd.oci.image.manifest.v1+json";
      await run(world.aws.images.putManifest("web", { text: manifest, mediaType, tag: `later-${number}` }));
    }
    await minutes(11);
    expect(counted("ImagesNearLimit", "WatchImages").at(-1)).toBe(1);
    const { image } = await run(world.records.requireRelease(id));
    const told = printed.filter((text) =>
      text.includes(`web@${image?.digest}, live in production, is number 401 of its repository`),
    );
    expect(told).toHaveLength(1);
  });

  it("is told though the function is ended as soon as that is noted", async () => {
    const call: Seams["call"] = async ({ invocation, operation }, send) => {
      const answer = await send();
      if (invocation?.name === "WatchImages" && operation.endsWith(".UpdateItem")) invocation.kill();
      return answer;
    };
    world = await createWorld(1, undefined, {}, { seams: () => ({ call }) });
    const id = await world.release("aaaaaaa");
    const { image } = await run(world.records.requireRelease(id));
    const imageIds = [{ imageDigest: image?.digest }];
    await run(
      new ECRClient(world.connection.client).send(
        new BatchDeleteImageCommand({ repositoryName: "web", imageIds }),
      ),
    );
    await minutes(5);
    const told = printed.filter((text) =>
      text.includes(`web@${image?.digest}, live in production, is not in ECR`),
    );
    expect(told).toHaveLength(1);
  });

  it("is told by name when what is live, or would be gone back to, is deleted or archived, until it is back", async () => {
    world = await createWorld();
    const [before, now] = [await world.release("aaaaaaa"), await world.release("bbbbbbb")];
    const ecr = new ECRClient(world.connection.client);
    const migration = (await run(world.records.requireRelease(before))).migrationImage;
    const image = (await run(world.records.requireRelease(now))).image;
    if (image === undefined || migration === undefined) throw new Error("the releases have images");
    const archive = (targetStorageClass: "ARCHIVE" | "STANDARD") =>
      ecr.send(
        new UpdateImageStorageClassCommand({
          repositoryName: "web",
          imageId: { imageDigest: image.digest },
          targetStorageClass,
        }),
      );
    await run(archive("ARCHIVE"));
    await minutes(2);
    expect(counted("ImagesUnusable", "WatchImages").at(-1)).toBe(1);
    const status = async () => renderStatus(await run(readStatus(world.records, {})));
    expect(await status()).toContain(
      `  image        web@${image.digest}, live in production, is archived, and cannot be pulled`,
    );
    await run(
      ecr.send(
        new BatchDeleteImageCommand({
          repositoryName: migration.repository,
          imageIds: [{ imageDigest: migration.digest }],
        }),
      ),
    );
    await minutes(2);
    expect(counted("ImagesUnusable", "WatchImages").at(-1)).toBe(2);
    expect(await status()).toContain("to which production would go back, is not in ECR any more");

    await run(archive("STANDARD"));
    await minutes(2);
    expect(counted("ImagesUnusable", "WatchImages").at(-1)).toBe(1);
    expect(await status()).not.toContain("archived");
    expect(await world.servingIn("production")).toBe("bbbbbbb");
  });
});
