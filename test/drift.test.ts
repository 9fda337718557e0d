import {
  AppRunnerClient,
  DeleteServiceCommand,
  DescribeServiceCommand,
  ListServicesCommand,
  PauseServiceCommand,
  ResumeServiceCommand,
  type Service,
  UpdateServiceCommand,
  type UpdateServiceCommandInput,
} from "@aws-sdk/client-apprunner";
import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readStatus, renderStatus } from "../cli/environment-status.ts";
import { readReleaseRecord, renderReleaseRecord } from "../cli/release-record.ts";
import type { ConfigInput } from "../core/config.ts";
import { exampleWith } from "./simulation/environments.ts";
import type { Seams } from "./simulation/seams.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

let world: SimulatedWorld;
afterEach(async () => {
  events = [];
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await world.close();
});

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);
const minutes = (count: number) => world.clock.advance(count * 60_000);
const environment = () => run(world.records.environment("web", "production"));
const status = async () => renderStatus(await run(readStatus(world.records, {})));

/** A person who changes App Runner by hand. @param account the one in which production is; absent: the installation's. */
async function byHand(account = "local") {
  const { signer: _, ...client } = world.connection.client;
  const credentials = { accessKeyId: account, secretAccessKey: "a person's" };
  const apprunner = new AppRunnerClient({ ...client, credentials });
  const { ServiceSummaryList = [] } = await run(apprunner.send(new ListServicesCommand({})));
  const ServiceArn = ServiceSummaryList.find(
    ({ ServiceName }) => ServiceName === "spillway-web-production",
  )?.ServiceArn;
  const service = async (): Promise<Service> => {
    const { Service: found } = await run(apprunner.send(new DescribeServiceCommand({ ServiceArn })));
    if (found === undefined) throw new Error("there is no service");
    return found;
  };
  return {
    service,
    async update(change: (source: NonNullable<Service["SourceConfiguration"]>) => void) {
      const { SourceConfiguration } = structuredClone(await service());
      if (SourceConfiguration === undefined) throw new Error("the service has no source");
      change(SourceConfiguration);
      await run(apprunner.send(new UpdateServiceCommand({ ServiceArn, SourceConfiguration })));
      await minutes(2);
    },
    async shape(settings: Omit<UpdateServiceCommandInput, "ServiceArn">) {
      await run(apprunner.send(new UpdateServiceCommand({ ServiceArn, ...settings })));
      await minutes(2);
    },
    send: async (command: "pause" | "resume" | "delete") => {
      const commands = {
        pause: () => apprunner.send(new PauseServiceCommand({ ServiceArn })),
        resume: () => apprunner.send(new ResumeServiceCommand({ ServiceArn })),
        delete: () => apprunner.send(new DeleteServiceCommand({ ServiceArn })),
      };
      await run<unknown>(commands[command]());
      await minutes(2);
    },
    imageOf: (image: string) => (source: NonNullable<Service["SourceConfiguration"]>) => {
      if (source.ImageRepository !== undefined) source.ImageRepository.ImageIdentifier = image;
    },
  };
}

/** A world with one release live, and the image of another that was never released there. */
async function begin(config?: ConfigInput, account?: string) {
  world = await createWorld(1, config, {}, { seams });
  const id = await world.release("aaaaaaa");
  const bus = new EventBridgeClient(world.connection.client);
  await run(bus.send(new DisableRuleCommand({ Name: "ImagePushed" })));
  await run(bus.send(new DisableRuleCommand({ Name: "PushesDue" })));
  const digest = await world.push("hotfix0");
  await minutes(10);
  const { live } = await environment();
  const hotfix = `${live?.image.uri.split("@")[0]}@${digest}`;
  return { id, hotfix, recorded: live?.image.uri ?? "", person: await byHand(account) };
}

/** What Spillway put on its own bus. */
let events: { readonly kind: string; readonly detail: object }[] = [];
const seams = (): Seams => ({
  async call({ operation, request }, send) {
    if (operation === "AWSEvents.PutEvents")
      for (const { DetailType, Detail } of JSON.parse(new TextDecoder().decode(request.body)).Entries)
        events.push({ kind: DetailType, detail: JSON.parse(Detail) });
    return send();
  },
});
const announced = (kind: string) => events.filter((event) => event.kind === kind).map(({ detail }) => detail);

describe("what somebody changes without Spillway", () => {
  it("is told once if it is the image, is not changed, and is over when it is put back", async () => {
    const { id, hotfix, recorded, person } = await begin();
    expect((await environment()).drift).toBeUndefined();
    await person.update(person.imageOf(hotfix));
    await minutes(2);
    const { drift } = await environment();
    expect(drift).toMatchObject({ release: id, told: true });
    expect(drift?.differences).toEqual([
      `it runs ${hotfix.split("/").at(-1)} instead of ${recorded.split("/").at(-1)}`,
    ]);
    expect(announced("Drift Found")).toHaveLength(1);
    expect(announced("Drift Found")).toMatchObject([
      { service: "web", environment: "production", release: id },
    ]);
    expect(await status()).toContain(`  drift        seen 2026`);
    // Reported, never silently put right.
    expect((await person.service()).SourceConfiguration?.ImageRepository?.ImageIdentifier).toBe(hotfix);
    expect(await world.servingIn("production")).toBe("hotfix0");

    await person.update(person.imageOf(recorded));
    await minutes(2);
    expect((await environment()).drift).toBeUndefined();
    expect(announced("Drift Ended")).toHaveLength(1);
    expect(await status()).not.toContain("drift");
  });

  it("is told again when it becomes something else", async () => {
    const { hotfix, person } = await begin();
    await person.update(person.imageOf(hotfix));
    await minutes(2);
    await person.send("pause");
    await minutes(2);
    expect((await environment()).drift?.differences).toEqual([
      "it is paused, and nothing serves; resume it before anything else",
      expect.stringContaining("it runs web@"),
    ]);
    expect(announced("Drift Found")).toHaveLength(2);
  });

  it("is told if the service was deleted", async () => {
    const { person } = await begin();
    await person.send("delete");
    await minutes(2);
    expect((await environment()).drift?.differences).toEqual(["it is not there any more"]);
  });

  it("is told if it deploys by itself, or is given other variables, secrets or another port, without their values", async () => {
    const { person } = await begin(exampleWith({}));
    await person.update((source) => {
      source.AutoDeploymentsEnabled = true;
      const image = source.ImageRepository?.ImageConfiguration;
      if (image === undefined) throw new Error("the service has an image");
      image.RuntimeEnvironmentVariables = {
        ...image.RuntimeEnvironmentVariables,
        TOKEN: "planted-by-hand",
      };
      delete image.RuntimeEnvironmentSecrets?.DATABASE_URL;
    });
    await minutes(2);
    expect((await environment()).drift?.differences).toEqual([
      "it deploys every push by itself, untested (AutoDeploymentsEnabled is on; it was off)",
      "the variable TOKEN was added",
      "the secret DATABASE_URL was taken away",
    ]);
    expect(JSON.stringify(await environment())).not.toContain("planted-by-hand");
  });

  it("is told if its instances are of another size, or its health check asks for something else", async () => {
    const { person } = await begin();
    const { HealthCheckConfiguration: asked } = await person.service();
    await person.shape({
      InstanceConfiguration: { Cpu: "1 vCPU", Memory: "2 GB" },
      HealthCheckConfiguration: { ...asked, Protocol: "TCP", Interval: 20 },
    });
    await minutes(2);
    expect((await environment()).drift?.differences).toEqual([
      "it is told the CPU 1024 instead of 256",
      "it is told the memory 2048 instead of 512",
      "it is told the health check's protocol TCP instead of HTTP",
      "it is told the health check's interval 20 instead of 1",
    ]);
    await world.deploy({ intent: "recover", service: "web", environment: "production" });
    await minutes(10);
    expect((await environment()).drift).toBeUndefined();
    expect(await person.service()).toMatchObject({
      InstanceConfiguration: { Cpu: "256", Memory: "512" },
      HealthCheckConfiguration: { Protocol: "HTTP", Interval: 1 },
    });
  });

  it("is nothing if the same is told in other words, or what Spillway does not set", async () => {
    const { person } = await begin();
    await person.shape({ InstanceConfiguration: { Cpu: "0.25 vCPU", Memory: "0.5 GB" } });
    await person.shape({ NetworkConfiguration: { IpAddressType: "DUAL_STACK" } });
    await minutes(2);
    expect((await environment()).drift).toBeUndefined();
  });

  it("is counted as long as it lasts, and said in the log once", async () => {
    const printed: string[] = [];
    vi.stubEnv("POWERTOOLS_LOG_LEVEL", "WARN");
    vi.stubEnv("POWERTOOLS_METRICS_DISABLED", "false");
    for (const stream of [process.stdout, process.stderr])
      vi.spyOn(stream, "write").mockImplementation((text) => printed.push(String(text)) > 0);
    const { hotfix, person } = await begin();
    await person.update(person.imageOf(hotfix));
    await minutes(16);
    const lines = printed.flatMap((text) => text.split("\n"));
    const counted = lines
      .filter((line) => line.includes("_aws") && line.includes("Drifted"))
      .map((line) => JSON.parse(line).Drifted);
    expect(counted.filter((count) => count === 1).length).toBeGreaterThanOrEqual(15);
    const said = lines.filter((line) => line.includes("is not what is on record"));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("Nothing was changed.");
    expect(said[0]).toContain('\\"intent\\":\\"recover\\"');
  });

  it("is put right when a person asks for it, which the record of that says", async () => {
    const { id, hotfix, person } = await begin();
    await person.update(person.imageOf(hotfix));
    await minutes(2);
    await world.deploy({ intent: "recover", service: "web", environment: "production" });
    expect(await world.servingIn("production")).toBe("aaaaaaa");
    const recovery = (await run(world.records.deployments(id))).at(-1);
    expect(recovery).toMatchObject({ intent: "recover", outcome: "Released" });
    expect(recovery?.foundOtherwise).toEqual([expect.stringContaining("it runs web@")]);
    await minutes(10);
    expect((await environment()).drift).toBeUndefined();
  });

  it("is replaced by the next release, which says what it found", async () => {
    const { hotfix, person } = await begin();
    await person.update(person.imageOf(hotfix));
    const bus = new EventBridgeClient(world.connection.client);
    const digest = await world.push("bbbbbbb");
    await run(bus.send(new DisableRuleCommand({ Name: "DriftDue" })));
    await world.start({ service: "web", digest });
    const [release] = (await run(world.records.openReleases())).map(({ id }) => id);
    expect(release).toBeUndefined();
    const next = `web-${digest.slice(7, 19)}-1`;
    const [deployment] = await run(world.records.deployments(next));
    expect(deployment).toMatchObject({ outcome: "Released" });
    expect(deployment?.foundOtherwise).toEqual([
      expect.stringContaining(`it runs ${hotfix.split("/").at(-1)}`),
    ]);
    expect(deployment?.reason).toContain("that was replaced");
    expect(await world.servingIn("production")).toBe("bbbbbbb");
    const record = renderReleaseRecord(await run(readReleaseRecord(world.records, next)));
    expect(record).toContain(`  found        it runs ${hotfix.split("/").at(-1)} instead of`);
  });

  it("is said by a release that replaces nothing, too", async () => {
    const { hotfix, person } = await begin();
    await person.update(person.imageOf(hotfix));
    const migration = { after: "0002", history: ["0001", "0002"], readableFrom: "0001" };
    const digest = await world.push("bbbbbbb", { migration: { ...migration, unreachable: true } });
    await world.start({ service: "web", digest });
    const [deployment] = await run(world.records.deployments(`web-${digest.slice(7, 19)}-1`));
    expect(deployment?.outcome).toBe("Rejected");
    expect(deployment?.reason).toMatch(/; before, the target was not as on record .*instead of web@\S+$/);
    expect(await world.servingIn("production")).toBe("hotfix0");
  });

  it("is nothing that a deployment does, or the platform going back by itself", async () => {
    await begin();
    await world.start({ service: "web", digest: await world.push("bbbbbbb", { startSeconds: 400 }) });
    await world.start({ service: "web", digest: await world.push("ccccccc", { crashesOnStart: true }) });
    await world.start({ service: "web", digest: await world.push("ddddddd", { healthStatus: 500 }) });
    await world.deploy({ intent: "rollback", service: "web", environment: "production" });
    await minutes(20);
    expect(announced("Drift Found")).toEqual([]);
    expect((await environment()).drift).toBeUndefined();
  });

  it("is told of an environment in another account", async () => {
    const id = "210987654321";
    const config = exampleWith({ account: { id, externalId: "3f2a91c0d4e5" } });
    const { person } = await begin({ ...config, aws: { account: "123456789012" } }, id);
    await person.send("pause");
    await minutes(2);
    expect((await environment()).drift?.differences).toEqual([
      "it is paused, and nothing serves; resume it before anything else",
    ]);
    expect((await person.service()).Status).toBe("PAUSED");
    await person.send("resume");
    await minutes(2);
    expect((await environment()).drift).toBeUndefined();
  });

  it("is not called over, nor anything new, while App Runner cannot be asked", async () => {
    const { hotfix, person } = await begin();
    await person.update(person.imageOf(hotfix));
    await minutes(2);
    const before = await environment();
    const role = world.aws.iam.roles().find(({ arn }) => arn.endsWith("/spillway-FindDrift"));
    if (role === undefined) throw new Error("there is no role");
    world.aws.iam.putRole({
      ...role,
      statements: role.statements.filter(({ actions }) => !actions.includes("apprunner:DescribeService")),
    });
    await minutes(10);
    expect(await environment()).toEqual(before);
  });
});
