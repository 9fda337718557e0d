import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRequest } from "../../core/admission.ts";
import { readIntent } from "../../core/intent.ts";
import { file, renderReleaseRequested } from "../../docs/release-requested.ts";
import config from "../../spillway.config.ts";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/operate-from-aws.md"), "utf8");

/** Every input that the page shows, one on a line of its examples in JSON. */
const shown = [...page.matchAll(/```json\n([\s\S]*?)```/g)].flatMap(([, lines = ""]) =>
  lines.trim().split("\n"),
);
const ofDeployments = shown.filter((line) => line.includes('"intent"'));
const ofReleases = shown.filter((line) => !line.includes('"intent"'));
/** What the page puts on the bus. */
const details = [...page.matchAll(/"Detail":"(\{.*?\})"\}\]/g)].map(([, text = ""]) =>
  text.replaceAll('\\"', '"'),
);

describe("the inputs of docs/operate-from-aws.md", () => {
  let world: SimulatedWorld;
  let digest = "";
  let first = "";
  // Production is in no wave here, so that there is something to bring to it by hand.
  const { web } = config.services;
  const input = web === undefined ? config : { services: { web: { ...web, waves: [["staging"]] } } };
  beforeAll(async () => {
    world = await createWorld(1, input);
    first = await world.release("3f2a91c");
    digest = (await world.ended(first)).image?.digest ?? "";
    await world.deploy({ intent: "deploy", release: first, environment: "production" });
  });
  afterAll(() => world.close());

  it("show each way to name what is released, and each intent", () => {
    expect(ofReleases.map((line) => Object.keys(readRequest(JSON.parse(line)).image)[0])).toEqual(
      expect.arrayContaining(["tag", "digest", "commit"]),
    );
    const intents = ofDeployments.map((line) => readIntent(JSON.parse(line)).intent);
    expect(new Set(intents)).toEqual(new Set(["deploy", "promote", "rollback", "recover"]));
  });

  it.each(ofReleases)("release: %s", async (line) => {
    const input = JSON.parse(line);
    if ("digest" in input) input.digest = digest;
    const { status, output, cause } = await world.start(input);
    expect(status, cause).toBe("SUCCEEDED");
    expect(JSON.parse(output ?? "{}")).toMatchObject({ outcome: "Released" });
  });

  it("release what an event asks for", async () => {
    expect(details).toHaveLength(1);
    const client = new EventBridgeClient(world.connection.client);
    for (const detail of details) {
      const Detail = detail.replace("TAG", "3f2a91c");
      const event = { EventBusName: "spillway", Source: "my.ci", DetailType: "Release Requested", Detail };
      const before = world.events.length;
      await world.clock.runUntil(client.send(new PutEventsCommand({ Entries: [event] })));
      const started = () =>
        world.events
          .slice(before)
          .filter((one) => one.detail.stateMachineArn === world.made.machines.ReleaseMachine);
      await world.clock.advance(3_600_000);
      expect(started().at(-1)?.detail).toMatchObject({ status: "SUCCEEDED" });
    }
  });

  it.each(ofDeployments)("deploy: %s", async (line) => {
    const input = JSON.parse(line);
    if (input.intent === "deploy") input.release = await world.release(input.force ? "6c5d4e3" : "4a3b2c1");
    if (input.intent === "promote") await world.release("5b4c3d2");
    if (input.to?.startsWith("web-")) input.to = first;
    const { status, cause } = await world.deploy(input);
    expect(status, cause).toBe("SUCCEEDED");
  });
});

describe("docs/release-requested.schema.json", () => {
  const validate = new Ajv2020({ strict: true, strictRequired: false }).compile(
    JSON.parse(readFileSync(file, "utf8")),
  );
  const reads = (detail: object) => {
    try {
      readRequest({ id: "1", "detail-type": "Release Requested", source: "my.ci", detail });
      return true;
    } catch {
      return false;
    }
  };

  it("is what an event is read by; npm run event-schema writes it", () => {
    const current = readFileSync(file, "utf8") === renderReleaseRequested();
    expect(current, "core/admission.ts has changed: run npm run event-schema").toBe(true);
  });

  it.each([...ofReleases.filter((line) => !line.includes('"force"')), ...details])(
    "holds for what is accepted: %s",
    (line) => {
      const detail = JSON.parse(line);
      expect([validate(detail), reads(detail)]).toEqual([true, true]);
    },
  );

  it.each([
    {},
    { service: "web" },
    { tag: "3f2a91c" },
    { service: "web", tag: "3f2a91c", commit: "3f2a91c" },
    { service: "web", tag: "no tag" },
    { service: "web", digest: "sha256:3f2a91c" },
    { service: "web", commit: "3F2A91C" },
    { service: "web", tag: "3f2a91c", environments: [] },
    { service: "web", tag: "3f2a91c", reason: "" },
    { service: "web", tag: "3f2a91c", environment: "staging" },
    // An event says nothing certain about who sent it.
    { service: "web", tag: "3f2a91c", force: true, reason: "the alarm was a false one" },
  ])("holds for nothing that is refused: %j", (detail) => {
    expect([validate(detail), reads(detail)]).toEqual([false, false]);
  });
});
