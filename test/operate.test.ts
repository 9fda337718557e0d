import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { createOperator } from "./simulation/operator.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const ada = "arn:aws:iam::000000000000:user/ada";
const entriesOf = (service: string) => world.clock.runUntil(world.records.auditEntries(service));

describe("the operator's door", () => {
  it("does what a person asks for and keeps who, what, why and when", async () => {
    world = await createWorld();
    const operator = createOperator(world, "ada");
    const asked = { action: "stop-the-line", service: "web", reason: "the payment provider is down" };
    const answer = await operator.ask(asked);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.done).toMatch(
      /^the line of web is stopped in production: .*rollbacks and recoveries go on$/,
    );
    const { stopped } = await world.clock.runUntil(world.records.environment("web", "production"));
    expect(stopped).toMatchObject({ reason: "the payment provider is down", by: ada });
    expect(await entriesOf("web")).toMatchObject([
      { action: "stop-the-line", by: ada, reason: "the payment provider is down", done: answer.done },
    ]);
  });

  it("says so when there is nothing to do, and keeps that, too", async () => {
    world = await createWorld();
    const stop = { action: "stop-the-line", service: "web", environment: "production", reason: "an outage" };
    await createOperator(world, "ada").ask(stop);
    const again = await createOperator(world, "ben").ask(stop);
    expect(again).toMatchObject({ status: 409, error: "NothingToDo" });
    expect(again.message).toContain(`by ${ada}: an outage`);
    const resume = { ...stop, action: "resume-the-line", reason: "it is over" };
    expect(await createOperator(world, "ben").ask(resume)).toMatchObject({ status: 200 });
    expect(await createOperator(world, "ben").ask(resume)).toMatchObject({ status: 409 });
    const ends = (await entriesOf("web")).map(({ action, refused }) => `${action} ${refused ?? "done"}`);
    expect(ends.toSorted()).toEqual([
      expect.stringMatching(/^resume-the-line NothingToDo: The line of web is not stopped in production/),
      "resume-the-line done",
      expect.stringMatching(/^stop-the-line NothingToDo: production is stopped already, since/),
      "stop-the-line done",
    ]);
  });

  it("cancels nothing that is over, and says how it ended", async () => {
    world = await createWorld();
    const release = await world.release("aaaaaaa");
    const answer = await createOperator(world, "ada").ask({ action: "cancel", release, reason: "too late" });
    expect(answer).toMatchObject({ status: 409, error: "NothingToCancel" });
    expect(answer.message).toContain("has ended as Released");
    expect(await entriesOf("web")).toMatchObject([
      { release, refused: `NothingToCancel: ${answer.message}` },
    ]);
  });

  it.each([
    ["no JSON", "stop!", 400, "the body is not JSON"],
    ["no object", "[1]", 400, "the body is not a JSON object"],
    ["no action", "{}", 400, "the body names no action; the actions are"],
    ["an unknown action", '{"action":"constructor"}', 400, 'there is no action "constructor"'],
    ["no reason", '{"action":"stop-the-line","service":"web"}', 400, "reason: Invalid input"],
    ["an empty reason", '{"action":"stop-the-line","service":"web","reason":"  "}', 400, "say why"],
    [
      "a terminal's escapes",
      '{"action":"stop-the-line","service":"web","reason":"\\u001b[31mred"}',
      400,
      "one line",
    ],
    [
      "another member",
      '{"action":"stop-the-line","service":"web","reason":"why","x":1}',
      400,
      "unknown setting x",
    ],
    [
      "an unknown service",
      '{"action":"stop-the-line","service":"shop","reason":"why"}',
      404,
      "its services are web",
    ],
    [
      "a service of the language",
      '{"action":"stop-the-line","service":"toString","reason":"why"}',
      404,
      "no service",
    ],
    [
      "an unknown environment",
      '{"action":"stop-the-line","service":"web","environment":"moon","reason":"why"}',
      400,
      "it has production",
    ],
    [
      "a long body",
      JSON.stringify({ action: "stop-the-line", reason: "x".repeat(20_000) }),
      413,
      "16384 bytes",
    ],
  ])("answers %s with words and leaves nothing behind", async (_, body, status, words) => {
    world = await createWorld();
    const answer = await createOperator(world, "ada").send(body);
    expect(answer.status).toBe(status);
    expect(answer.error).toMatch(/^[A-Z]/);
    expect(answer.message).toContain(words);
    expect(await entriesOf("web")).toEqual([]);
  });

  it("answers any body clearly, and changes nothing for one that it cannot read", async () => {
    world = await createWorld();
    const operator = createOperator(world, "ada");
    const action = fc.constantFrom("stop-the-line", "resume-the-line", "__proto__", "");
    const members = {
      action,
      service: fc.constantFrom("web", "x"),
      reason: fc.anything(),
      extra: fc.integer(),
    };
    const bodies = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.record(members).map((one) => JSON.stringify(one)),
    );
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const answer = await operator.send(body);
        expect([400, 404]).toContain(answer.status);
        expect(answer.error).toMatch(/^[A-Z]\w+$/);
        expect(answer.message?.length).toBeGreaterThan(10);
      }),
      { numRuns: 150 },
    );
    expect(await entriesOf("web")).toEqual([]);
    const { stopped } = await world.clock.runUntil(world.records.environment("web", "production"));
    expect(stopped).toBeUndefined();
  }, 30_000);

  it("knows nobody who has not signed", async () => {
    world = await createWorld();
    const { status } = await world.clock.runUntil(
      world.aws.gateway.handle({
        method: "POST",
        path: "/lambda-url/spillway-Operate/",
        query: {},
        headers: { "content-type": "application/json" },
        body: new TextEncoder().encode('{"action":"stop-the-line","service":"web","reason":"why not"}'),
      }),
    );
    expect(status).toBe(403);
    expect(await entriesOf("web")).toEqual([]);
  });
});
