import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import { connectExecutions } from "../aws/states.ts";
import { ApprovalConfig, type ConfigInput } from "../core/config.ts";
import { exampleWith } from "./simulation/environments.ts";
import { createOperator } from "./simulation/operator.ts";
import { reconfigure } from "./simulation/reconfigure.ts";
import { type Behaviour, createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

type Demands = NonNullable<ConfigInput["services"][string]["environments"][string]["approval"]>;

const user = (name: string) => `arn:aws:iam::000000000000:user/${name}`;

interface PutEvents {
  readonly Entries: { EventBusName: string; Source: string; DetailType: string; Detail: string }[];
}

/** Overhears what is put on buses. */
function listen(): PutEvents[] {
  const heard: PutEvents[] = [];
  const { gateway } = world.aws;
  const { handle } = gateway;
  gateway.handle = (request) => {
    if (request.headers["x-amz-target"] === "AWSEvents.PutEvents")
      heard.push(JSON.parse(new TextDecoder().decode(request.body)));
    return handle(request);
  };
  return heard;
}

/** A release that waits for the people of production. */
async function waiting(demands: Demands, tag = "aaaaaaa", behaviour: Behaviour = {}): Promise<string> {
  world = await createWorld(1, exampleWith({ approval: demands }));
  return push(tag, behaviour);
}

async function push(tag: string, behaviour: Behaviour = {}): Promise<string> {
  const digest = await world.push(tag, behaviour);
  await world.clock.advance(120_000);
  return `web-${digest.slice(7, 19)}-1`;
}

const approve = (name: string, release: string, environment = "production") =>
  createOperator(world, name).ask({ action: "approve", release, environment });
const reject = (name: string, release: string, reason = "not before the holidays") =>
  createOperator(world, name).ask({ action: "reject", release, environment: "production", reason });
/** Starts a machine, and goes on until it waits for people. */
async function begin(machine: "ReleaseMachine" | "DeployMachine", input: object): Promise<void> {
  const stateMachineArn = world.made.machines[machine];
  const start = new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) });
  await world.clock.runUntil(new SFNClient(world.connection.client).send(start));
  await world.clock.advance(120_000);
}
const environment = () => world.clock.runUntil(world.records.environment("web", "production"));
const deploymentsOf = (release: string) => world.clock.runUntil(world.records.deployments(release));

describe("an environment that demands approvals", () => {
  it("waits for as many people as it demands, without a lease, and keeps who they were", async () => {
    const id = await waiting({ count: 2 });
    expect((await environment()).lease).toBeUndefined();
    const first = await approve("ada", id);
    expect(first).toMatchObject({ status: 200 });
    expect(first.done).toMatch(/waits for approval in production; 1 more person has to approve it, by 2026-/);
    expect(await approve("ada", id)).toMatchObject({ status: 409, error: "NothingToDo" });
    expect(world.serving()).toBeUndefined();
    expect((await approve("ben", id)).done).toBe(
      `${id} was approved for production by ${user("ada")} and ${user("ben")}`,
    );
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    const { image } = await world.clock.runUntil(world.records.requireRelease(id));
    const [deployment] = await deploymentsOf(id);
    expect(deployment?.approval).toMatchObject({
      digest: image?.digest,
      given: [{ by: user("ada") }, { by: user("ben") }],
    });
    const live = (await environment()).live?.image.digest;
    expect(live).toBe(deployment?.approval?.digest);
  });

  it("tells people on Spillway's bus what they are wanted for and what to type, and never a token", async () => {
    world = await createWorld(1, exampleWith({ approval: { by: [user("ada")] } }));
    const put = listen();
    const id = await push("aaaaaaa");
    const [{ Entries: asked } = { Entries: [] }] = put;
    expect(put).toHaveLength(1);
    expect(asked.map((entry) => ({ ...entry, Detail: JSON.parse(entry.Detail) }))).toMatchObject([
      {
        ...{ EventBusName: "spillway", Source: "spillway", DetailType: "Approval Requested" },
        Detail: {
          ...{ service: "web", environment: "production", release: id, commit: "aaaaaaa", count: 1 },
          ...{ by: [user("ada")], approve: `npm run operate -- approve ${id} production` },
        },
      },
    ]);
    expect(JSON.stringify(asked)).not.toMatch(/token/i);
  });

  it("ends as Rejected with a person's reason", async () => {
    const id = await waiting({});
    expect(await reject("ada", id)).toMatchObject({ status: 200 });
    expect(await world.ended(id)).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining(`rejected for production by ${user("ada")}: not before the holidays`),
    });
    expect(await approve("ben", id)).toMatchObject({ status: 409 });
    expect(world.serving()).toBeUndefined();
  });

  it("ends as Expired when nobody says anything in time", async () => {
    const id = await waiting({ expiresAfterHours: 2 });
    await world.clock.advance(2 * 3_600_000 + 360_000);
    expect(await world.ended(id)).toMatchObject({
      outcome: "Expired",
      reason: expect.stringContaining("nobody, or too few, approved"),
    });
    expect(await approve("ada", id)).toMatchObject({ status: 409 });
  });

  it("lets only those approve whom it names", async () => {
    const id = await waiting({ by: ["arn:aws:iam::000000000000:user/a*"] });
    const answer = await approve("ben", id);
    expect(answer).toMatchObject({ status: 403, error: "NotAllowed" });
    expect(answer.message).toContain("user/a*");
    expect(await reject("ben", id)).toMatchObject({ status: 403 });
    expect(await approve("ada", id)).toMatchObject({ status: 200 });
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    const entries = await world.clock.runUntil(world.records.auditEntries("web"));
    expect(entries).toHaveLength(3);
    expect(entries.find(({ done }) => done !== undefined)).toMatchObject({ by: user("ada"), release: id });
  });

  it("lets nobody approve what is their own, though its author may reject it", async () => {
    const id = await waiting({}, "aaaaaaa", { author: "ada@example.com" });
    const answer = await approve("ada", id);
    expect(answer).toMatchObject({ status: 403, error: "NotAllowed" });
    expect(answer.message).toContain("wants somebody else to approve it");
    expect(await approve("ben", id)).toMatchObject({ status: 200 });
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
  });

  it("approves nothing of an unknown author where that is the policy", async () => {
    const id = await waiting({ unknownRequester: "refuse" });
    expect(await world.ended(id)).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining("build it with the label dev.spillway.author"),
    });
    const known = await push("bbbbbbb", { author: "ada" });
    expect(await approve("ben", known)).toMatchObject({ status: 200 });
  });

  it("does not ask again for the same image while the approval holds, and asks for another image", async () => {
    const id = await waiting({ expiresAfterHours: 24 }, "aaaaaaa", { stages: {} });
    await approve("ada", id);
    expect(await world.ended(id)).toMatchObject({ outcome: "Released" });
    const next = await push("bbbbbbb");
    expect((await environment()).live?.release).toBe(id);
    await approve("ada", next);
    expect(await world.ended(next)).toMatchObject({ outcome: "Released" });
    // Back, and then the same image again: nobody is asked for either.
    const place = { service: "web", environment: "production" };
    expect(await world.deploy({ intent: "rollback", ...place })).toMatchObject({ status: "SUCCEEDED" });
    const again = { intent: "deploy", release: next, environment: "production" };
    expect(await world.deploy(again)).toMatchObject({ output: { outcome: "Released" } });
    const [, second] = (await deploymentsOf(next)).filter(({ intent }) => intent === "deploy");
    expect(second?.approval?.given).toMatchObject([{ by: user("ada") }]);
  });

  it("asks anew for the same image when the rules have changed since", async () => {
    const id = await waiting({ selfApproval: true }, "aaaaaaa", { author: "ada" });
    await approve("ada", id);
    const { image } = await world.ended(id);
    await reconfigure(world, ["approval"], ApprovalConfig.parse({ count: 2 }));
    await begin("ReleaseMachine", { service: "web", digest: image?.digest });
    const again = id.replace(/-1$/, "-2");
    expect(await approve("ada", again)).toMatchObject({ status: 403, error: "NotAllowed" });
    expect((await approve("ben", again)).done).toContain("1 more person has to approve it");
    expect((await approve("cem", again)).status).toBe(200);
    expect(await world.ended(again)).toMatchObject({ outcome: "Released" });
  });

  it("ends who waits by other rules than those by which people are asked since", async () => {
    const id = await waiting({ count: 2 });
    await approve("ada", id);
    await approve("ben", id);
    const { image } = await world.ended(id);
    await reconfigure(world, ["approval"], ApprovalConfig.parse({}));
    await begin("ReleaseMachine", { service: "web", digest: image?.digest });
    // The first is still under the rules with which it was admitted.
    await begin("DeployMachine", { intent: "deploy", release: id, environment: "production" });
    expect((await approve("ada", id)).done).toContain("1 more person has to approve it");
    expect(await world.ended(id.replace(/-1$/, "-2"))).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining("by other rules"),
    });
  });

  it("keeps no rollback waiting while it waits itself", async () => {
    const first = await waiting({});
    await approve("ada", first);
    await world.ended(first);
    const second = await push("bbbbbbb");
    await approve("ada", second);
    await world.ended(second);
    await push("ccccccc");
    const back = { intent: "rollback", service: "web", environment: "production" };
    expect(await world.deploy(back)).toMatchObject({ output: { outcome: "Released" } });
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("says so when nobody has asked", async () => {
    world = await createWorld();
    const id = await world.release("aaaaaaa");
    expect(await approve("ada", id)).toMatchObject({ status: 409, error: "NothingToDo" });
    expect(await approve("ada", "web-000000000000-1")).toMatchObject({
      status: 404,
      error: "ReleaseNotFound",
    });
  });

  it("keeps the token in the table: a wait completed past the door moves nothing", async () => {
    const id = await waiting({});
    const wait = await world.clock.runUntil(world.records.wait(`${id}/production/1/approval`));
    const executions = connectExecutions(world.connection);
    await world.clock.runUntil(executions.complete(wait?.token ?? "", { end: "succeeded", output: {} }));
    expect(await world.ended(id)).toMatchObject({
      outcome: "Rejected",
      reason: expect.stringContaining("NotApproved"),
    });
    expect(world.serving()).toBeUndefined();
  });
});
