import { BatchGetImageCommand, ECRClient } from "@aws-sdk/client-ecr";
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { releaseId } from "../core/admission.ts";
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
