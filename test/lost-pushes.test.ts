import { BatchGetImageCommand, ECRClient } from "@aws-sdk/client-ecr";
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { releaseId } from "../core/admission.ts";
import { refuse } from "./simulation/faults.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const minutes = (count: number) => world.clock.advance(count * 60_000);
const attempt = (digest: string, nth: number) => run(world.records.release(releaseId("web", digest, nth)));

/** Pushes while the rule that hears of pushes hears nothing. @returns the digest. */
async function pushUnheard(tag: string, also = async (_digest: string) => {}): Promise<string> {
  const bus = new EventBridgeClient(world.connection.client);
  await run(bus.send(new DisableRuleCommand({ Name: "ImagePushed" })));
  const digest = await world.push(tag);
  await also(digest);
  await minutes(1);
  await run(bus.send(new EnableRuleCommand({ Name: "ImagePushed" })));
  return digest;
}

describe("a push of which no event came", () => {
  it("is released within half an hour, once", async () => {
    await world.release("aaaaaaa");
    await minutes(6);
    const digest = await pushUnheard("bbbbbbb");
    await minutes(15);
    expect(await attempt(digest, 1)).toBeUndefined();
    await minutes(30);
    expect(await attempt(digest, 1)).toMatchObject({ outcome: "Released", trigger: "push" });
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    await minutes(60);
    expect(await attempt(digest, 2)).toBeUndefined();
  });

  it("is one release under two tags", async () => {
    await world.release("aaaaaaa");
    await minutes(6);
    const digest = await pushUnheard("bbbbbbb", async (imageDigest) => {
      const images = new ECRClient(world.connection.client);
      const answer = await run(
        images.send(new BatchGetImageCommand({ repositoryName: "web", imageIds: [{ imageDigest }] })),
      );
      const { imageManifest: text = "", imageManifestMediaType: mediaType = "" } = answer.images?.[0] ?? {};
      await run(world.aws.images.putManifest("web", { text, mediaType, tag: "latest" }));
    });
    await minutes(60);
    expect(await attempt(digest, 1)).toMatchObject({ outcome: "Released" });
    expect(await attempt(digest, 2)).toBeUndefined();
  });

  it("is left alone if it was before anybody looked", async () => {
    const digest = await pushUnheard("aaaaaaa");
    await minutes(60);
    expect(await attempt(digest, 1)).toBeUndefined();
  });
});

describe("a push that nobody manages to admit", () => {
  let isDown = false;
  beforeEach(async () => {
    await world.close();
    isDown = false;
    world = await createWorld(
      1,
      undefined,
      {},
      {
        seams: () => ({
          call: async ({ invocation }, send) =>
            isDown && invocation?.name === "AdmitRelease"
              ? refuse(400, "ThrottlingException", "Rate exceeded")
              : send(),
        }),
      },
    );
    await world.release("aaaaaaa");
    await minutes(6);
  });

  it("is tried again although its event came and its first other start failed, too", async () => {
    isDown = true;
    const digest = await world.push("bbbbbbb");
    await minutes(30);
    expect(startsFor(digest)).toEqual(["FAILED", "FAILED"]);
    expect(await attempt(digest, 1)).toBeUndefined();
    isDown = false;
    await minutes(30);
    expect(await attempt(digest, 1)).toMatchObject({ outcome: "Released", trigger: "push" });
    expect(world.serving()).toBe("bbbbbbb");
    expect(await run(world.records.refusedPush("web", digest))).toBeUndefined();
  });

  it("keeps none that came after it from being found", async () => {
    isDown = true;
    const first = await world.push("bbbbbbb");
    await minutes(30);
    const second = await pushUnheard("ccccccc");
    await minutes(15);
    isDown = false;
    await minutes(60);
    expect(await attempt(second, 1)).toMatchObject({ outcome: "Released" });
    expect(await attempt(first, 1)).toMatchObject({ outcome: "Superseded" });
    expect(world.serving()).toBe("ccccccc");
  });

  it("is on record as refused in the end, with the reason; a person may release it all the same", async () => {
    isDown = true;
    const digest = await world.push("bbbbbbb");
    await minutes(180);
    expect(startsFor(digest)).toEqual(Array.from({ length: 5 }, () => "FAILED"));
    expect(await attempt(digest, 1)).toBeUndefined();
    const refused = await run(world.records.refusedPush("web", digest));
    expect(refused).toMatchObject({ digest, tag: "bbbbbbb", repository: "web" });
    expect(refused?.reason).toMatch(/^4 executions could not open a release of it, .*Rate exceeded/);
    isDown = false;
    await minutes(60);
    expect(startsFor(digest)).toHaveLength(5);
    expect(await world.start({ service: "web", tag: "bbbbbbb" })).toMatchObject({ status: "SUCCEEDED" });
    expect(await attempt(digest, 1)).toMatchObject({ outcome: "Released", trigger: "console" });
  });
});

/** How every execution of the release machine ended that was started for this image, the oldest first. */
function startsFor(digest: string): string[] {
  const ends = new Map<string, string>();
  for (const { "detail-type": type, detail } of world.events)
    if (type === "Step Functions Execution Status Change" && String(detail.input).includes(digest))
      ends.set(String(detail.executionArn), String(detail.status));
  return [...ends.values()];
}
