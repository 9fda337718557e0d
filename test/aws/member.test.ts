import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppRunnerClient, ListServicesCommand } from "@aws-sdk/client-apprunner";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEnvironment } from "../../aws/member.ts";
import { createRealClock } from "../../local/asl/index.ts";
import { createLocalAws, type LocalAws } from "../../local/aws.ts";
import { type ListeningGateway, listen } from "../../local/http.ts";

const away = "210987654321";
const access = { roleArn: `arn:aws:iam::${away}:role/spillway-member`, externalId: "ours" };

/** Over real sockets, as in AWS: what is signed, sent and read is all the SDK's or ours. */
describe("the connection to an environment in another account", () => {
  let aws: LocalAws;
  let listening: ListeningGateway;
  let folder = "";
  let taken = 0;
  let now = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spillway-member-"));
    const nothing = () => Promise.reject(new Error("nothing runs here"));
    aws = await createLocalAws({
      clock: createRealClock(),
      random: Math.random,
      folder,
      logFiles: false,
      endpoint: () => listening.url,
      runners: async () => ({
        functions: { invoke: nothing, stop: async () => {} },
        builds: { run: nothing },
        containers: { start: nothing },
        frontDesk: { open: nothing },
        probe: async () => "closed",
        freePort: nothing,
      }),
    });
    await aws.account(away);
    aws.iam.putRole({
      arn: access.roleArn,
      statements: [{ actions: ["apprunner:ListServices"], resources: ["*"] }],
      trusts: [{ principal: "arn:aws:iam::000000000000:root", externalId: access.externalId }],
    });
    const counting = {
      ...aws.gateway,
      handle: (request: Parameters<typeof aws.gateway.handle>[0]) => {
        if (new TextDecoder().decode(request.body).includes("Action=AssumeRole")) taken++;
        return aws.gateway.handle(request);
      },
    };
    listening = await listen(counting, { port: 0, demanded: true });
  });
  afterAll(async () => {
    await aws.stop();
    await listening.close();
    await rm(folder, { recursive: true, force: true });
  });

  const home = () => ({
    now: () => now,
    fetch,
    client: {
      region: "us-east-1",
      endpoint: listening.url,
      maxAttempts: 1,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    },
  });

  it("takes the role once, and again before its keys expire", async () => {
    now = Date.now();
    const here = home();
    const list = () =>
      new AppRunnerClient(connectEnvironment(here, access).client).send(new ListServicesCommand({}));
    await list();
    await list();
    expect(taken).toBe(1);
    now += 11 * 60_000;
    await list();
    expect(taken).toBe(2);
  });

  it("is home's own where the environment is at home", () => {
    const here = home();
    expect(connectEnvironment(here, undefined)).toBe(here);
  });

  it("tells by name when it is not let in, and is let in once that is mended", async () => {
    now = Date.now();
    const here = home();
    const list = (externalId: string) =>
      new AppRunnerClient(connectEnvironment(here, { ...access, externalId }).client).send(
        new ListServicesCommand({}),
      );
    await expect(list("another")).rejects.toMatchObject({
      name: "AccountRefused",
      message: expect.stringContaining("is not authorized to perform: sts:AssumeRole"),
    });
    const { ServiceSummaryList } = await list("ours");
    expect(ServiceSummaryList).toEqual([]);
  });
});
