import * as secrets from "@aws-sdk/client-secrets-manager";
import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../local/asl/virtual-clock.ts";
import { createGateway } from "../../local/gateway.ts";
import { createRequestHandler } from "../../local/handover.ts";
import { listen } from "../../local/http.ts";
import { createSecretsManager } from "../../local/secrets-manager.ts";

const { CreateSecretCommand, GetSecretValueCommand, PutSecretValueCommand } = secrets;

function start() {
  const clock = createVirtualClock({ start: Date.parse("2026-11-24T00:00:00Z") });
  let seed = 0.1;
  const random = () => {
    seed = (seed * 7 + 0.123) % 1;
    return seed;
  };
  const service = createSecretsManager({
    clock,
    random,
    accountId: "000000000000",
    region: "eu-central-1",
    endpoint: () => "",
    folder: "",
    emit: () => {},
  });
  const gateway = createGateway([service], { clock, random });
  const client = new secrets.SecretsManagerClient({
    endpoint: "http://127.0.0.1:1",
    region: "eu-central-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(gateway, clock),
  });
  return { clock, service, gateway, client };
}

describe("Secrets Manager", () => {
  it("keeps a value and the one before it", async () => {
    const { client } = start();
    const made = await client.send(
      new CreateSecretCommand({ Name: "web/production/database", SecretString: "first" }),
    );
    expect(made.ARN).toMatch(
      /^arn:aws:secretsmanager:eu-central-1:000000000000:secret:web\/production\/database-[A-Za-z0-9]{6}$/,
    );
    await client.send(new PutSecretValueCommand({ SecretId: made.ARN, SecretString: "second" }));
    const value = (input: Partial<secrets.GetSecretValueCommandInput>) =>
      client
        .send(new GetSecretValueCommand({ SecretId: made.Name, ...input }))
        .then((got) => got.SecretString);
    expect(await value({})).toBe("second");
    expect(await value({ VersionStage: "AWSPREVIOUS" })).toBe("first");
    expect(await value({ VersionId: made.VersionId })).toBe("first");
    expect(await value({ SecretId: made.ARN?.slice(0, -7) })).toBe("second");
    await client.send(new PutSecretValueCommand({ SecretId: made.ARN, SecretString: "third" }));
    expect(await value({ VersionStage: "AWSPREVIOUS" })).toBe("second");
    const described = await client.send(new secrets.DescribeSecretCommand({ SecretId: made.ARN }));
    expect(
      Object.values(described.VersionIdsToStages ?? {})
        .flat()
        .sort(),
    ).toEqual(["AWSCURRENT", "AWSPREVIOUS"]);
  });

  it("is idempotent by the token of the request", async () => {
    const { client } = start();
    await client.send(new CreateSecretCommand({ Name: "a", SecretString: "x" }));
    const token = "11111111-2222-4333-8444-555555555555";
    const put = (text: string) =>
      client.send(
        new PutSecretValueCommand({ SecretId: "a", SecretString: text, ClientRequestToken: token }),
      );
    await put("y");
    expect((await put("y")).VersionId).toBe(token);
    await expect(put("z")).rejects.toBeInstanceOf(secrets.ResourceExistsException);
    await expect(client.send(new CreateSecretCommand({ Name: "a", SecretString: "x" }))).rejects.toThrow(
      "The operation failed because the secret a already exists.",
    );
  });

  it("carries binary values over real HTTP", async () => {
    const { gateway } = start();
    const listening = await listen(gateway, { port: 0 });
    const client = new secrets.SecretsManagerClient({
      endpoint: listening.url,
      region: "eu-central-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    await client.send(new CreateSecretCommand({ Name: "key", SecretBinary: new Uint8Array([0, 200, 7]) }));
    const got = await client.send(new GetSecretValueCommand({ SecretId: "key" }));
    expect([...(got.SecretBinary ?? [])]).toEqual([0, 200, 7]);
    expect(got.CreatedDate).toEqual(new Date("2026-11-24T00:00:00Z"));
    await listening.close();
  });

  it("deletes at once or after the recovery window, until when it can be restored", async () => {
    const { client, clock } = start();
    await client.send(new CreateSecretCommand({ Name: "a", SecretString: "x" }));
    await client.send(new secrets.DeleteSecretCommand({ SecretId: "a", RecoveryWindowInDays: 7 }));
    await expect(client.send(new GetSecretValueCommand({ SecretId: "a" }))).rejects.toBeInstanceOf(
      secrets.InvalidRequestException,
    );
    expect((await client.send(new secrets.ListSecretsCommand({}))).SecretList).toEqual([]);
    await client.send(new secrets.RestoreSecretCommand({ SecretId: "a" }));
    expect(
      (await client.send(new secrets.ListSecretsCommand({}))).SecretList?.map(({ Name }) => Name),
    ).toEqual(["a"]);
    await client.send(new secrets.DeleteSecretCommand({ SecretId: "a" }));
    await clock.advance(30 * 86_400_000);
    await client.send(new CreateSecretCommand({ Name: "a", SecretString: "new" }));
    await client.send(new secrets.DeleteSecretCommand({ SecretId: "a", ForceDeleteWithoutRecovery: true }));
    await expect(client.send(new GetSecretValueCommand({ SecretId: "a" }))).rejects.toThrow(
      "Secrets Manager can't find the specified secret.",
    );
  });

  it("lists in pages by name", async () => {
    const { client } = start();
    for (const Name of ["c", "a", "b"])
      await client.send(new CreateSecretCommand({ Name, SecretString: "x" }));
    const first = await client.send(new secrets.ListSecretsCommand({ MaxResults: 2 }));
    const second = await client.send(new secrets.ListSecretsCommand({ NextToken: first.NextToken }));
    expect([first, second].map(({ SecretList }) => SecretList?.map(({ Name }) => Name))).toEqual([
      ["a", "b"],
      ["c"],
    ]);
  });
});

describe("references to secrets", () => {
  it("name a secret, a key, a stage and a version", async () => {
    const { client, service } = start();
    const made = await client.send(
      new CreateSecretCommand({ Name: "web/db", SecretString: '{"url":"postgresql://one","port":5432}' }),
    );
    await client.send(
      new PutSecretValueCommand({
        SecretId: "web/db",
        SecretString: '{"url":"postgresql://two","port":5432}',
      }),
    );
    expect(service.resolve(`${made.ARN}:url::`)).toBe("postgresql://two");
    expect(service.resolve("web/db:url")).toBe("postgresql://two");
    expect(service.resolve("web/db:url:AWSPREVIOUS")).toBe("postgresql://one");
    expect(service.resolve(`web/db:url::${made.VersionId}`)).toBe("postgresql://one");
    expect(service.resolve("web/db:port")).toBe("5432");
    expect(service.resolve(made.ARN ?? "")).toBe('{"url":"postgresql://two","port":5432}');
  });

  it("fail with words that show no value", async () => {
    const { client, service } = start();
    await client.send(new CreateSecretCommand({ Name: "text", SecretString: "hunter2" }));
    await client.send(new CreateSecretCommand({ Name: "json", SecretString: '{"password":"hunter2"}' }));
    for (const reference of ["text:key", "json:other", "json:__proto__", "nothing", "a:b:c:d:e", ""]) {
      const error = (() => {
        try {
          return service.resolve(reference);
        } catch (reason) {
          return reason;
        }
      })();
      expect(error, reference).toBeInstanceOf(Error);
      expect(String(error)).not.toContain("hunter2");
    }
  });
});
