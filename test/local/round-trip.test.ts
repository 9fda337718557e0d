import * as apprunner from "@aws-sdk/client-apprunner";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as codebuild from "@aws-sdk/client-codebuild";
import * as ecr from "@aws-sdk/client-ecr";
import * as ecs from "@aws-sdk/client-ecs";
import * as eventbridge from "@aws-sdk/client-eventbridge";
import * as secrets from "@aws-sdk/client-secrets-manager";
import * as sfn from "@aws-sdk/client-sfn";
import type { $SchemaRef } from "@smithy/types";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createVirtualClock } from "../../local/asl/virtual-clock.ts";
import { createGateway, type ServedOperations } from "../../local/gateway.ts";
import { createRequestHandler } from "../../local/handover.ts";
import type { Service } from "../../local/service.ts";
import { derefSchema } from "../../local/shape.ts";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";

/** The SDK's modules of the services that speak AWS JSON, by what they claim of X-Amz-Target. */
const modules: Readonly<
  Record<string, { readonly schemas: object; readonly protocol: Service["protocol"] }>
> = {
  AWSStepFunctions: { schemas: sfn, protocol: "json1.0" },
  AWSEvents: { schemas: eventbridge, protocol: "json1.1" },
  Logs_20140328: { schemas: logs, protocol: "json1.1" },
  secretsmanager: { schemas: secrets, protocol: "json1.1" },
  AmazonEC2ContainerRegistry_V20150921: { schemas: ecr, protocol: "json1.1" },
  CodeBuild_20161006: { schemas: codebuild, protocol: "json1.1" },
  AmazonEC2ContainerServiceV20141113: { schemas: ecs, protocol: "json1.1" },
  AppRunner: { schemas: apprunner, protocol: "json1.0" },
};
const DEEPEST = 4;

/** Any value of a schema (the encoding is that of `local/shape.ts`); optional members come and go. */
function anyOf(reference: $SchemaRef, depth = 0): fc.Arbitrary<unknown> {
  const schema: unknown = derefSchema(reference);
  if (schema === "unit") return fc.constant({});
  if (typeof schema === "number") {
    if (schema >= 128) return dictionary(schema - 128, depth);
    if (schema >= 64) return list(schema - 64, depth);
    return simple(schema);
  }
  if (!Array.isArray(schema)) return simple(0);
  if (schema.length === 2) return anyOf(schema[0], depth);
  switch (schema[0]) {
    case 0:
      return anyOf(schema[4], depth);
    case 1:
      return list(schema[4], depth);
    case 2:
      return dictionary(schema[5], depth);
    case 4:
      return union(schema[4], schema[5], depth);
    default:
      return structure(schema[4], schema[5], schema[6] ?? 0, depth);
  }
}

function simple(code: number): fc.Arbitrary<unknown> {
  if (code === 1) return fc.integer();
  if (code === 2) return fc.boolean();
  // Seconds with milliseconds, as the protocols carry them.
  if (code >= 4 && code <= 7)
    return fc.integer({ min: 0, max: 4_102_444_800_000 }).map((time) => new Date(time));
  if (code === 21) return fc.uint8Array({ maxLength: 8 });
  return fc.string({ maxLength: 8, unit: "grapheme" });
}

/** Made when it is needed: schemas refer to themselves. */
const later = (make: () => fc.Arbitrary<unknown>) => fc.constant(0).chain(make);

const list = (item: $SchemaRef, depth: number) =>
  fc.array(
    later(() => anyOf(item, depth + 1)),
    { maxLength: depth < DEEPEST ? 2 : 0 },
  );

const dictionary = (entry: $SchemaRef, depth: number) =>
  fc.dictionary(
    fc.stringMatching(/^[a-z]{1,4}$/),
    later(() => anyOf(entry, depth + 1)),
    {
      maxKeys: depth < DEEPEST ? 2 : 0,
    },
  );

function structure(names: string[], schemas: $SchemaRef[], required: number, depth: number) {
  const members = names.map((name, index): [string, fc.Arbitrary<unknown>] => {
    const value = later(() => anyOf(schemas[index] ?? 0, depth + 1));
    return [name, value];
  });
  // The client itself makes a host name of it.
  const sent = members.filter(([name]) => name !== "EndpointId");
  const kept = depth < DEEPEST ? sent : sent.slice(0, required);
  return fc.record(Object.fromEntries(kept), {
    requiredKeys: names.slice(0, required),
    noNullPrototype: true,
  });
}

const union = (names: string[], schemas: $SchemaRef[], depth: number) =>
  fc.oneof(
    ...names.map((name, index) =>
      later(() => anyOf(schemas[index] ?? 0, depth + 1)).map((value) => ({ [name]: value })),
    ),
  );

let world: SimulatedWorld;
let served: readonly ServedOperations[];
beforeAll(async () => {
  world = await createWorld();
  ({ served } = world.aws.gateway);
});
afterAll(() => world.close());

describe("every operation that is served", () => {
  it.each(Object.keys(modules))(
    "of %s takes what its SDK client sends, and its client reads what it answers",
    async (target) => {
      const { schemas, protocol } = modules[target] ?? { schemas: {}, protocol: "json1.0" };
      const operations = served.find((one) => one.target === target)?.operations ?? [];
      expect(operations.length).toBeGreaterThan(0);
      for (const name of operations) {
        const schema = Object.values(schemas).find(
          (one) => Array.isArray(one) && one[0] === 9 && one[2] === name,
        );
        await fc.assert(
          fc.asyncProperty(anyOf(schema[4]), anyOf(schema[5]), async (input, output) => {
            const { received, answered } = await exchange({ target, protocol, schemas }, name, {
              input,
              output,
            });
            // A client adds an idempotency token where none was given.
            expect(received, name).toMatchObject(Object(input));
            expect(answered, name).toEqual(output);
          }),
          { numRuns: 8 },
        );
      }
    },
  );
});

/** Sends `input` by the SDK's client to a service that answers `output`. */
async function exchange(
  service: Pick<Service, "target" | "protocol" | "schemas">,
  name: string,
  { input, output }: { input: unknown; output: unknown },
) {
  const clock = createVirtualClock();
  let received: unknown;
  const operation = (given: never): unknown => {
    received = given;
    return output;
  };
  const operations = { [name]: operation as Service["operations"][string] };
  const gateway = createGateway([{ ...service, operations }], { clock, random: Math.random });
  const { client, Command } = clientOf(service.schemas, name);
  const sender = new client({
    endpoint: "http://local",
    region: "us-east-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(gateway, clock),
  });
  const { $metadata, ...answered } = await sender.send(new Command(input));
  return { received, answered, $metadata };
}

interface AnyClient {
  send(command: object): Promise<{ $metadata: unknown }>;
}

/** A service's client and a command of it, by name. */
function clientOf(schemas: object, name: string) {
  const find = (is: (name: string) => boolean) => Object.entries(schemas).find(([key]) => is(key))?.[1];
  const client: new (config: object) => AnyClient = find((key) => /^(?!__)\w+Client$/.test(key));
  const Command: new (input: unknown) => object = find((key) => key === `${name}Command`);
  return { client, Command };
}
