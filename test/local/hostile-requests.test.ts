import * as apprunner from "@aws-sdk/client-apprunner";
import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as codebuild from "@aws-sdk/client-codebuild";
import * as dynamodb from "@aws-sdk/client-dynamodb";
import * as ecr from "@aws-sdk/client-ecr";
import * as ecs from "@aws-sdk/client-ecs";
import * as eventbridge from "@aws-sdk/client-eventbridge";
import * as secrets from "@aws-sdk/client-secrets-manager";
import * as sfn from "@aws-sdk/client-sfn";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GatewayRequest, GatewayResponse } from "../../local/gateway.ts";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";
import { inputsOf } from "./schema-inputs.ts";

// Whatever a client sends, it gets an answer that says what is wrong with it, and Spillway goes on as before.

const modules: Readonly<Record<string, object>> = {
  AWSStepFunctions: sfn,
  AWSEvents: eventbridge,
  Logs_20140328: logs,
  secretsmanager: secrets,
  AmazonEC2ContainerRegistry_V20150921: ecr,
  CodeBuild_20161006: codebuild,
  AmazonEC2ContainerServiceV20141113: ecs,
  AppRunner: apprunner,
  GraniteServiceVersion20100801: cloudwatch,
  DynamoDB_20120810: dynamodb,
};

let world: SimulatedWorld;
beforeAll(async () => {
  world = await createWorld(1, undefined, {}, { tables: "dynalite" });
  await world.release("aaaaaaa");
});
afterAll(() => world.close());

const ask = (request: Partial<GatewayRequest>) =>
  world.clock.runUntil(
    world.aws.gateway.handle({
      ...{ method: "POST", path: "/", query: {}, headers: {}, body: new Uint8Array() },
      ...request,
    }),
  );
const bytes = (text: string) => new TextEncoder().encode(text);

/** Holds an answer to what every answer is: of the caller's making if it is an error, and then by name and in words. */
function expectClear({ status, headers, body }: GatewayResponse, asked: unknown): void {
  const text = new TextDecoder().decode(body);
  const said = `${JSON.stringify(asked)} → ${status} ${text}`;
  expect(status < 500 || status === 501, said).toBe(true);
  expect(
    Object.keys(headers).filter((name) => name.startsWith("access-control")),
    said,
  ).toEqual([]);
  if (status < 400) return;
  const read = /^<ErrorResponse/.test(text)
    ? { __type: /<Code>(\w+)/.exec(text)?.[1], message: /<Message>([^<]+)/.exec(text)?.[1] }
    : JSON.parse(text);
  // What AWS says of a function URL that there is not.
  if (status === 404 && text === '{"Message":null}') return;
  const [error] = read.errors ?? [];
  expect(read.__type ?? read.error ?? error?.code ?? read.Message, said).toMatch(/^[\w.#-]+$/);
  expect(String(read.message ?? read.Message ?? error?.message ?? "").length, said).toBeGreaterThan(3);
}

/** Text that means something to somebody, or that people try; names of what is installed are not among it. */
const text = fc.oneof(
  fc.constantFrom(
    ...[
      "",
      "a",
      "mine",
      "spillway",
      "web",
      "*",
      "..",
      "../../etc/passwd",
      "__proto__",
      "constructor",
      "toString",
    ],
    ...[
      "{}",
      "[]",
      "{",
      '{"source":["x"]}',
      "rate(1 minute)",
      "rate(0 minutes)",
      "cron(0 0 * * ? *)",
      "$.a",
      "null",
    ],
    ...[
      "arn:aws:states:us-east-1:000000000000:stateMachine:mine",
      "arn:aws:ecs:us-east-1:000000000000:task/a/b",
      "arn:",
    ],
    ...[
      "arn:aws:events:us-east-1:000000000000:event-bus/default",
      "000000000000.dkr.ecr.us-east-1.amazonaws.com/web:a",
    ],
    ...[
      "\u001b[2J",
      "\0",
      "\ud800",
      "é\u202e",
      "x".repeat(3000),
      "1",
      "-1",
      "1e400",
      "a=b;c",
      "%2e%2e%2f",
      "NaN",
      "ENABLED",
    ],
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
    '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}},"QueryLanguage":"JSONata"}',
    '{"StartAt":"A","States":{"A":{"Type":"Succeed","Output":"{% $error(1) %}"}},"QueryLanguage":"JSONata"}',
    "[".repeat(2000),
    `${"[".repeat(2000)}${"]".repeat(2000)}`,
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);

/** What an operation takes, by the schema of the SDK's client. */
function schemaOf(target: string, operation: string) {
  const found = Object.values(modules[target] ?? {}).find(
    (value) => Array.isArray(value) && value[0] === 9 && value[2] === operation,
  );
  expect(found, `${target}.${operation}`).toBeDefined();
  return found[4];
}

describe("the local AWS answers clearly", () => {
  it.each(Object.keys(modules))("any input of any operation of %s", async (target) => {
    const operations = world.aws.gateway.served
      .filter((one) => one.target === target)
      .flatMap((one) => one.operations);
    const request = fc
      .constantFrom(...operations)
      .chain((operation) => fc.tuple(fc.constant(operation), inputsOf(schemaOf(target, operation), text)));
    await fc.assert(
      fc.asyncProperty(request, async ([operation, input]) => {
        const answer = await ask({
          headers: { "x-amz-target": `${target}.${operation}`, "content-type": "application/x-amz-json-1.1" },
          body: bytes(JSON.stringify(input) ?? ""),
        });
        expectClear(answer, { operation, input });
      }),
      { numRuns: 150 },
    );
  });

  it("any bytes for any operation", async () => {
    const targets = world.aws.gateway.served.flatMap(({ target, operations }) =>
      operations.map((operation) => `${target}.${operation}`),
    );
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.json().map(bytes),
      fc
        .constantFrom(
          "",
          "null",
          "[]",
          "7",
          '"x"',
          "{",
          "\ufeff{}",
          "a=b&c=d",
          "<a/>",
          "[".repeat(100_000),
          '{"a":'.repeat(50_000),
        )
        .map(bytes),
      fc
        .constantFrom("Item", "Input", "Detail")
        .map((name) => bytes(`{"${name}":${'{"L":['.repeat(20_000)}${"]}".repeat(20_000)}}`)),
      // CBOR: a map with one text.
      fc.constant(new Uint8Array([0xa1, 0x61, 0x61, 0x61, 0x62])),
    );
    const type = fc.constantFrom(
      ...["application/x-amz-json-1.0", "application/x-amz-json-1.1", "application/cbor", "text/plain", ""],
      ...["application/x-www-form-urlencoded", "application/xml", "multipart/form-data; boundary=x"],
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...targets), body, type, async (target, content, contentType) => {
        const headers = { "x-amz-target": target, "content-type": contentType };
        expectClear(await ask({ headers, body: content }), {
          target,
          contentType,
          content: Buffer.from(content).toString("hex").slice(0, 200),
        });
      }),
      { numRuns: 200 },
    );
  });

  it("any method, path, query and header", async () => {
    const part = fc.constantFrom(
      ...[
        "v2",
        "web",
        "web-migrate",
        "manifests",
        "blobs",
        "uploads",
        "tags",
        "list",
        "_catalog",
        "a",
        "",
        ".",
        "..",
        "%2e%2e",
        "%",
        "%ff",
        "%00",
      ],
      ...[
        "sha256:",
        `sha256:${"0".repeat(64)}`,
        "sha256:../../../etc/passwd",
        "aaaaaaa",
        "00000000-0000-0000-0000-000000000000",
      ],
      ...[
        "2015-03-31",
        "2021-10-31",
        "functions",
        "spillway-Operate",
        "url",
        "invocations",
        "lambda-url",
        "ecr-layers",
      ],
      ...[
        "service",
        "GraniteServiceVersion20100801",
        "operation",
        "PutMetricData",
        "é",
        "\u202e",
        "__proto__",
      ],
    );
    const path = fc.oneof(
      fc.array(part, { maxLength: 7 }).map((parts) => `/${parts.join("/")}`),
      fc
        .tuple(
          fc.constantFrom(
            "/v2/web/manifests/",
            "/v2/web/blobs/",
            "/v2/web/blobs/uploads/",
            "/lambda-url/",
            "/2015-03-31/functions/",
            "/2021-10-31/functions/",
            "/ecr-layers/",
          ),
          part,
          fc.constantFrom("", "/url", "/invocations", "/x"),
        )
        .map((parts) => parts.join("")),
    );
    const header = fc.tuple(
      fc.constantFrom(
        "x-amz-target",
        "authorization",
        "x-amz-security-token",
        "x-amz-invocation-type",
        "content-type",
        "accept",
        "smithy-protocol",
      ),
      fc.oneof(
        text,
        fc.constantFrom(
          "Basic QVdTOng=",
          "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00",
          "AWS4-HMAC-SHA256 Credential=",
          "rpc-v2-cbor",
          "application/x-www-form-urlencoded",
          "Event",
          "DryRun",
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"),
        path,
        fc.dictionary(fc.constantFrom("mount", "from", "digest", "Qualifier", "n"), text, { maxKeys: 2 }),
        fc.array(header, { maxLength: 3 }).map(Object.fromEntries),
        fc.constantFrom(
          "",
          "{",
          "{}",
          "Action=AssumeRole&Version=2011-06-15&RoleArn=x&RoleSessionName=ab&DurationSeconds=x",
          "Version=2011-06-15",
        ),
        async (method, target, query, headers, body) => {
          const answer = await ask({ method, path: target, query, headers, body: bytes(body) });
          if (method !== "HEAD") expectClear(answer, { method, target, query, headers, body });
          else expect(answer.status < 500 || answer.status === 501, target).toBe(true);
        },
      ),
      { numRuns: 700 },
    );
  });

  it("and releases as before", async () => {
    const id = await world.release("bbbbbbb");
    expect(await world.clock.runUntil(world.records.requireRelease(id))).toMatchObject({
      outcome: "Released",
    });
    expect(world.serving()).toBe("bbbbbbb");
  });
});
