import { ECSClient, ListClustersCommand } from "@aws-sdk/client-ecs";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { expect, it } from "vitest";
import { createVirtualClock } from "../../../local/asl/virtual-clock.ts";
import { createGateway } from "../../../local/gateway.ts";
import { createRequestHandler } from "../../../local/handover.ts";
import type { Caller } from "../../../local/iam/caller.ts";
import { createIam } from "../../../local/iam/index.ts";
import { createStsDoor } from "../../../local/sts.ts";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const person: Keys = { accessKeyId: "local", secretAccessKey: "local" };
const reader = "arn:aws:iam::000000000000:role/reader";
const member = "arn:aws:iam::111111111111:role/spillway-member";

async function accounts() {
  const clock = createVirtualClock({ start: Date.UTC(2026, 0, 1) });
  const iam = createIam({ clock, random: Math.random, accountId: "000000000000" });
  iam.putRole({ arn: reader, statements: [] });
  iam.putRole({ arn: member, statements: [], trusts: [{ principal: reader, externalId: "a secret" }] });
  let caller: Caller | undefined;
  const ecs = {
    target: "AmazonEC2ContainerServiceV20141113",
    protocol: "json1.1" as const,
    schemas: await import("@aws-sdk/client-ecs"),
    operations: {
      ListClusters: (_: never, context: { caller: Caller }) => {
        caller = context.caller;
        return { clusterArns: [] };
      },
    },
  };
  const gateway = createGateway([ecs], {
    clock,
    random: Math.random,
    identify: iam.identify,
    doors: [createStsDoor(iam)],
  });
  const client = (credentials: Keys) => ({
    endpoint: "http://local",
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
    requestHandler: createRequestHandler(gateway, clock),
  });
  return {
    clock,
    iam,
    sts: (keys: Keys) => new STSClient(client(keys)),
    async callerOf(keys: Keys): Promise<Caller | undefined> {
      await new ECSClient(client(keys)).send(new ListClustersCommand({}));
      return caller;
    },
  };
}

it("takes a person's credentials for the administrator of the account that the access key names", async () => {
  const { sts, callerOf } = await accounts();
  expect(await callerOf(person)).toEqual({
    accountId: "000000000000",
    arn: "arn:aws:iam::000000000000:root",
  });
  expect(await callerOf({ accessKeyId: "111111111111", secretAccessKey: "any" })).toEqual({
    accountId: "111111111111",
    arn: "arn:aws:iam::111111111111:root",
  });
  expect(await sts(person).send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: "000000000000",
    Arn: "arn:aws:iam::000000000000:root",
  });
});

it("knows a role's session by the keys that it made for it", async () => {
  const { iam, sts, callerOf } = await accounts();
  const keys = iam.mint({ roleArn: reader, sessionName: "spillway-Reader" });
  const arn = "arn:aws:sts::000000000000:assumed-role/reader/spillway-Reader";
  expect(await callerOf(keys)).toEqual({ accountId: "000000000000", arn, roleArn: reader });
  const told = await sts(keys).send(new GetCallerIdentityCommand({}));
  expect(told).toMatchObject({ Account: "000000000000", Arn: arn });
  expect(told.UserId).toMatch(/^AROA[A-Z0-9]{17}:spillway-Reader$/);
});

it("refuses its own keys with another token, of another run, or out of date", async () => {
  const { clock, iam, sts, callerOf } = await accounts();
  const keys = iam.mint({ roleArn: reader, sessionName: "one", lifetimeSeconds: 900 });
  const refused = { name: "UnrecognizedClientException" };
  await expect(callerOf({ ...keys, sessionToken: "stolen" })).rejects.toMatchObject(refused);
  await expect(callerOf({ ...person, accessKeyId: keys.accessKeyId })).rejects.toMatchObject(refused);
  const earlier = (await accounts()).iam.mint({ roleArn: reader, sessionName: "earlier" });
  await expect(callerOf(earlier)).rejects.toMatchObject(refused);
  await expect(sts(earlier).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
    ...refused,
    message: "The security token included in the request is invalid.",
  });
  await clock.advance(900_000);
  await expect(callerOf(keys)).rejects.toMatchObject({ name: "ExpiredTokenException" });
});

it("lets a trusted caller take a role in another account, and no one else", async () => {
  const { iam, sts, callerOf } = await accounts();
  const asReader = sts(iam.mint({ roleArn: reader, sessionName: "spillway-Reader" }));
  const take = (ExternalId?: string) =>
    new AssumeRoleCommand({ RoleArn: member, RoleSessionName: "release-1", ExternalId });
  const { Credentials: taken, AssumedRoleUser: user } = await asReader.send(take("a secret"));
  expect(user?.Arn).toBe("arn:aws:sts::111111111111:assumed-role/spillway-member/release-1");
  const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = taken ?? {};
  const { SessionToken: sessionToken = "" } = taken ?? {};
  expect(await callerOf({ accessKeyId, secretAccessKey, sessionToken })).toEqual({
    accountId: "111111111111",
    arn: "arn:aws:sts::111111111111:assumed-role/spillway-member/release-1",
    roleArn: member,
  });
  for (const denied of [
    asReader.send(take("a guess")),
    asReader.send(take()),
    sts(person).send(take("a secret")),
  ])
    await expect(denied).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringMatching(
        /^User: arn:aws:\S+ is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role\/spillway-member$/,
      ),
    });
});
