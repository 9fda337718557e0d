import { AppRunnerClient, ListServicesCommand } from "@aws-sdk/client-apprunner";
import { ECRClient, SetRepositoryPolicyCommand } from "@aws-sdk/client-ecr";
import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SFNClient, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../aws/connection.ts";
import { connectEnvironment } from "../aws/member.ts";
import type { ConfigInput } from "../core/config.ts";
import type { Deployment } from "../core/records.ts";
import type { ServiceEvent } from "../local/world.ts";
import { connectInRole } from "./simulation/credentials.ts";
import { twoEnvironments } from "./simulation/environments.ts";
import { readAccount } from "./simulation/everything.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

const away = "210987654321";
const externalId = "3f2a91c0d4e5";
const role = `arn:aws:iam::${away}:role/spillway-member`;

let world: SimulatedWorld;
afterEach(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const minutes = (count: number) => world.clock.advance(count * 60_000);
const migratingTo = (after: string, more: object = {}) => ({
  migration: {
    after,
    history: ["0001", "0002", "0003"].filter((revision) => revision <= after),
    readableFrom: "0001",
    ...more,
  },
});

/** Staging in the installation's own account, and production after it in another. */
function twoAccounts(waves = [["staging"], ["production"]]): ConfigInput {
  const config = twoEnvironments();
  const { web } = config.services;
  const production = web?.environments.production;
  if (web === undefined || production === undefined) throw new Error("the example has a production");
  config.aws = { account: "123456789012" };
  web.environments.production = { ...production, account: { id: away, externalId } };
  web.waves = waves;
  return config;
}

const begin = async () => {
  world = await createWorld(1, twoAccounts());
};
const deploymentTo = async (release: string, environment: string): Promise<Deployment> => {
  const all = await run(world.records.deployments(release));
  const found = all.findLast((deployment) => deployment.environment === environment);
  if (found === undefined) throw new Error(`${release} was not deployed to ${environment}`);
  return found;
};
const servicesIn = async (environment: string) => {
  const { client } = await world.connectionIn(environment);
  const { ServiceSummaryList = [] } = await run(
    new AppRunnerClient(client).send(new ListServicesCommand({})),
  );
  return ServiceSummaryList.map(
    ({ ServiceArn = "" }) => ServiceArn.split(":").slice(4).join(":").split("/")[1],
  );
};
const isOf = (account: string) => (event: ServiceEvent) => JSON.stringify(event).includes(`:${account}:`);

/** Settings of a client whose user says which account is meant, as people do on a laptop. */
const clientAs = (accessKeyId: string) => {
  const { signer: _, ...client } = world.connection.client;
  return { ...client, credentials: { accessKeyId, secretAccessKey: "a person's" } };
};

/** Lets time pass until an event is told. */
async function until(isIt: (event: ServiceEvent) => boolean, from: number): Promise<void> {
  for (let step = 0; step < 2_000; step++) {
    if (world.events.slice(from).some(isIt)) return;
    await world.clock.advance(500);
  }
  throw new Error("what was waited for did not come");
}

describe("an environment in another account", () => {
  it("is released to after the one at home, migrated and served there", async () => {
    await begin();
    const id = await world.release("aaaaaaa");
    expect(await run(world.records.requireRelease(id))).toMatchObject({ outcome: "Released" });
    expect(await world.servingIn("staging")).toBe("aaaaaaa");
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect(await servicesIn("staging")).toEqual(["spillway-web-staging"]);
    expect(await servicesIn("production")).toEqual(["spillway-web-production"]);
    for (const environment of ["staging", "production"]) {
      const { migration } = await deploymentTo(id, environment);
      expect(migration).toMatchObject({ after: "0001", confirmed: true });
      const stopped = world.events.filter(
        ({ source, detail }) =>
          source === "aws.ecs" &&
          detail.lastStatus === "STOPPED" &&
          String(detail.startedBy).startsWith(`${id}/${environment}/`),
      );
      expect(stopped.length).toBe(2);
      for (const event of stopped) expect(isOf(away)(event)).toBe(environment === "production");
    }
  });

  it("is rolled back there when it is unhealthy, long after the first keys have expired", async () => {
    world = await createWorld(1, twoAccounts([["production"], ["staging"]]));
    await world.release("aaaaaaa");
    await minutes(90);
    const id = await world.release("bbbbbbb", { healthStatus: 500 });
    expect(await run(world.records.requireRelease(id))).toMatchObject({ outcome: "RolledBack" });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect((await deploymentTo(id, "production")).rollback).toMatchObject({ action: "restored" });
  });

  it("is given back by hand, with its own rollback intent", async () => {
    await begin();
    const first = await world.release("aaaaaaa");
    await world.release("bbbbbbb");
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    const back = await world.deploy({ intent: "rollback", service: "web", environment: "production" });
    expect(back.output.outcome).toBe("Released");
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect((await run(world.records.environment("web", "production"))).live?.release).toBe(first);
  });

  it("keeps its schema when a migration fails there", async () => {
    await begin();
    await world.release("aaaaaaa");
    const id = await world.release("bbbbbbb", migratingTo("0002", { exitCode: 1 }));
    await world.deploy({ intent: "deploy", release: id, environment: "production" });
    const { outcome, reason } = await deploymentTo(id, "production");
    expect(outcome).toBe("RolledBack");
    // What the task printed is read from the log there.
    expect(reason).toMatch(/relation links does not exist/);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
  });

  it("is recovered when the execution that deploys to it is stopped", async () => {
    await begin();
    await world.release("aaaaaaa");
    const from = world.events.length;
    const digest = await world.push("bbbbbbb", migratingTo("0002", { seconds: 300 }));
    const migratesAway = (event: ServiceEvent) =>
      event.source === "aws.ecs" &&
      isOf(away)(event) &&
      event.detail.lastStatus === "RUNNING" &&
      String(event.detail.startedBy).includes("migrate-up");
    await until(migratesAway, from);
    const started = world.events.findLast(
      ({ detail }) =>
        detail.stateMachineArn === world.made.machines.DeployMachine && detail.status === "RUNNING",
    );
    const executionArn = String(started?.detail.executionArn);
    const states = new SFNClient(world.connection.client);
    await run(states.send(new StopExecutionCommand({ executionArn, cause: "a person stopped it" })));
    await minutes(20);
    const id = `web-${digest.replace("sha256:", "").slice(0, 12)}-1`;
    const [broken] = (await run(world.records.deployments(id))).filter(
      ({ environment }) => environment === "production",
    );
    expect(broken).toMatchObject({ outcome: "RolledBack" });
    const { live, lease, frozen } = await run(world.records.environment("web", "production"));
    expect(live).toMatchObject({ schema: "0002" });
    expect([lease, frozen]).toEqual([undefined, undefined]);
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    expect(await run(world.records.openWaits())).toEqual([]);
  });
});

describe("the events of another account", () => {
  it("wake who waits at home; lost, they are made up for", async () => {
    await begin();
    await world.release("aaaaaaa");
    const lasted = async (id: string) => {
      const { openedAt, endedAt = 0 } = await deploymentTo(id, "production");
      return (endedAt - openedAt) / 1000;
    };
    const heard = await lasted(await world.release("bbbbbbb", migratingTo("0002")));
    const rules = new EventBridgeClient(clientAs(away));
    for (const Name of ["MemberTaskStopped", "MemberTargetOperationEnded"])
      await run(rules.send(new DisableRuleCommand({ Name })));
    const id = await world.release("ccccccc", migratingTo("0003"));
    expect(await run(world.records.requireRelease(id))).toMatchObject({ outcome: "Released" });
    const lost = (await lasted(id)) - heard;
    // Three waits, each found by the next look: 60 s until it is due, and Reconcile comes each minute.
    expect(lost).toBeGreaterThan(60);
    expect(lost).toBeLessThanOrEqual(3 * 120);
  });
});

describe("a task token", () => {
  it("never comes to the other account", async () => {
    await begin();
    const from = world.events.length;
    await world.push("aaaaaaa", { migration: { seconds: 120 } });
    const tokens = new Set<string>();
    for (
      let step = 0;
      step < 900 && !(await run(world.records.environment("web", "production"))).live;
      step++
    ) {
      for (const { token } of await run(world.records.openWaits())) tokens.add(token);
      await world.clock.advance(1_000);
    }
    expect(tokens.size).toBeGreaterThan(5);
    const told = world.events.slice(from).filter(isOf(away));
    const shown = [
      ...(await readAccount(world, { ...world.connection, client: clientAs(away) })),
      ...told.map((event) => ({ text: JSON.stringify(event) })),
    ];
    expect(shown.length).toBeGreaterThan(5);
    for (const token of tokens) expect(shown.filter(({ text }) => text.includes(token))).toEqual([]);
  });
});

/** A connection with a role that is called as those of the functions are; one that is none of theirs may take any. */
const asFunction = (name: string, called = `spillway-${name}`) =>
  connectInRole(world.connection, world.aws.iam, {
    roleArn: `arn:aws:iam::000000000000:role/${called}`,
    sessionName: called,
  });

describe("the role by which functions act there", () => {
  const ask = ({ client }: Connection) => run(new AppRunnerClient(client).send(new ListServicesCommand({})));
  const access = { roleArn: role, externalId };

  it("lets a function of the installation in", async () => {
    await begin();
    const { ServiceSummaryList } = await ask(connectEnvironment(asFunction("StartDeployment"), access));
    expect(ServiceSummaryList).toEqual([]);
  });

  it.each([
    ["another role of that account that may take any role", () => asFunction("", "somebody")],
    ["a person of that account", () => world.connection],
  ])("does not let in %s, though they know the external id", async (_, who) => {
    await begin();
    await expect(ask(connectEnvironment(who(), access))).rejects.toMatchObject({ name: "AccountRefused" });
  });
});

describe("an account that does not let us in", () => {
  const demand = (other: string) => {
    const known = world.aws.iam.role(role);
    if (known === undefined) throw new Error("there is no role to take");
    const trusts = (known.trusts ?? []).map((trust) => ({ ...trust, externalId: other }));
    world.aws.iam.putRole({ ...known, trusts });
  };

  it("because of another external id: is told by name, with nothing touched there", async () => {
    await begin();
    demand("another");
    const id = await world.release("aaaaaaa");
    const { outcome, reason } = await deploymentTo(id, "production");
    expect(outcome).toBe("Rejected");
    expect(reason).toMatch(
      /account 210987654321 does not let Spillway in.*another external id.*Deploy with credentials/s,
    );
    expect(await world.servingIn("staging")).toBe("aaaaaaa");
    demand(externalId);
    expect(await servicesIn("production")).toEqual([]);
  });

  it.each([
    ["another external id", role, "another"],
    ["no external id that it knows", role, ""],
    ["a role that is not there", role.replace("spillway", "other"), externalId],
    ["an account that is not there", role.replace(away, "999999999999"), externalId],
  ])("is one with %s", async (_, roleArn, said) => {
    await begin();
    const { client } = connectEnvironment(asFunction("Somebody"), { roleArn, externalId: said || "x" });
    const asking = new AppRunnerClient(client).send(new ListServicesCommand({}));
    await expect(run(asking)).rejects.toMatchObject({
      name: "AccountRefused",
      message: expect.stringContaining(`account ${roleArn.split(":")[4]} does not let Spillway in`),
    });
  });

  it("is also one that may not pull our images", async () => {
    await begin();
    const images = new ECRClient(world.connection.client);
    const policyText = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    for (const repositoryName of ["web", "web-migrate"])
      await run(images.send(new SetRepositoryPolicyCommand({ repositoryName, policyText })));
    const id = await world.release("aaaaaaa");
    const { outcome, reason } = await deploymentTo(id, "production");
    expect(outcome).not.toBe("Released");
    expect(reason).toMatch(/does not let the account 210987654321 pull/);
  });
});

describe("two accounts behind one door", () => {
  it("have each their own things, and an account that is not there has none", async () => {
    await begin();
    await world.release("aaaaaaa");
    const as = (accessKeyId: string) =>
      new AppRunnerClient(clientAs(accessKeyId)).send(new ListServicesCommand({}));
    const named = async (accessKeyId: string) =>
      (await run(as(accessKeyId))).ServiceSummaryList?.map(({ ServiceName }) => ServiceName);
    expect(await named("local")).toEqual(["spillway-web-staging"]);
    expect(await named(away)).toEqual(["spillway-web-production"]);
    await expect(run(as("999999999999"))).rejects.toThrow(
      "The local AWS has no account 999999999999; it has 000000000000, 210987654321.",
    );
  });
});
