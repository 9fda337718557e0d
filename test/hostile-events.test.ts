import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOperator } from "./simulation/operator.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

// Whatever an event, an input or a body holds: it ends by a name that says what is wrong, and nothing is lost by it.

let world: SimulatedWorld;
let first: string;
let digest: string;
beforeAll(async () => {
  world = await createWorld();
  first = await world.release("aaaaaaa");
  digest = world.aws.images.find("web", "aaaaaaa")?.digest ?? "";
});
afterAll(() => world.close());

const run = <Value>(work: Promise<Value>) => world.clock.runUntil(work);

/** What the records of the installation say now, but for what passes by itself. */
const records = async () => ({
  releases: (await run(world.records.openReleases())).map(({ id }) => id),
  deployments: await run(world.records.openDeployments()),
  environment: await run(world.records.environment("web", "production")),
  waits: await run(world.records.openWaits()),
});

/** Texts that mean something here, and others that people and programs send. */
const text = fc.oneof(
  fc.constantFrom(
    ...[
      "web",
      "web-migrate",
      "production",
      "aaaaaaa",
      "",
      "..",
      "__proto__",
      "constructor",
      "toString",
      "*",
      "%",
      "null",
    ],
    ...[
      "\u001b[2J",
      "\0",
      "\ud800",
      "\u202e",
      "x".repeat(5_000),
      "arn:aws:states:us-east-1:1:execution:a:b",
      "sha256:",
      "0",
    ],
    `sha256:${"0".repeat(64)}`,
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const anything = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: fc.jsonValue() });

/** A record of these members, each now and then left out or something else. */
const mostly = (members: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(
    Object.fromEntries(
      Object.entries(members).map(([name, right]) => [
        name,
        fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: anything }, fc.constant(undefined)),
      ]),
    ),
  );

/** Invokes a function as a rule does. @returns the error's name and message; undefined if there was none. */
async function invoke(
  name: string,
  event: unknown,
): Promise<{ errorType: string; errorMessage: string } | undefined> {
  const lambda = new LambdaClient(world.connection.client);
  const command = new InvokeCommand({
    FunctionName: `spillway-${name}`,
    Payload: JSON.stringify(event) ?? "null",
  });
  const { FunctionError, Payload } = await run(lambda.send(command));
  return FunctionError === undefined ? undefined : JSON.parse(Payload?.transformToString() ?? "");
}

/** Holds an error to what a person at 3 a.m. needs: a name of ours, words, and nothing of the language. */
function expectNamed(error: string | undefined, cause: string | undefined, asked: unknown): void {
  const said = `${JSON.stringify(asked)} → ${error}: ${cause}`;
  expect(error, said).toMatch(/^(?!\w*Error$)[A-Z]\w+$/);
  expect(cause?.length ?? 0, said).toBeGreaterThan(15);
  expect(cause, said).not.toMatch(/\b(TypeError|RangeError|SyntaxError|undefined is|reading ')/);
}

describe("the door of releases", () => {
  const push = mostly({
    source: fc.constant("aws.ecr"),
    "detail-type": fc.constantFrom("ECR Image Action", "ECR Image Scan", "Release Requested"),
    account: fc.constantFrom("000000000000", "1"),
    detail: mostly({
      "action-type": fc.constantFrom("PUSH", "DELETE"),
      result: fc.constantFrom("SUCCESS", "FAILURE"),
      "repository-name": fc.constantFrom("web", "web-migrate", "shop"),
      "image-digest": fc.constantFrom(`sha256:${"0".repeat(64)}`, "sha256:00", ""),
      "image-tag": text,
    }),
  });
  const start = mostly({
    service: fc.constantFrom("web", "shop", "__proto__", "constructor"),
    tag: text,
    digest: fc.constant(`sha256:${"0".repeat(64)}`),
    commit: fc.constantFrom("0".repeat(40), "bbbbbbb"),
    environments: fc.array(fc.constantFrom("production", "moon", "__proto__"), { maxLength: 2 }),
    reason: text,
    force: fc.boolean(),
    resume: text,
  });
  const requested = fc.tuple(fc.oneof(fc.uuid(), fc.string(), fc.anything()), start).map(([id, detail]) => ({
    id,
    source: "my.ci",
    "detail-type": "Release Requested",
    detail,
  }));

  it("ends by name whatever starts it, opens nothing for what there is not, and goes on releasing", async () => {
    const before = await records();
    const input = fc.oneof(push, start, requested, fc.dictionary(text, anything, { maxKeys: 3 }));
    await fc.assert(
      fc.asyncProperty(input, async (asked) => {
        const { status, error, cause, output } = await world.start(asked);
        if (status === "SUCCEEDED") {
          // The image that is there was asked for by its tag: that is a release, or one too many.
          expect(output).toMatch(/"outcome":"\w+"/);
          expect(JSON.stringify(asked)).toMatch(/aaaaaaa/);
        } else expectNamed(error, cause, asked);
      }),
      { numRuns: 120 },
    );
    expect((await records()).releases).toEqual(before.releases);
    expect((await records()).deployments).toEqual([]);
    expect((await records()).waits).toEqual([]);
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("takes no image whose own words cannot be used, and says which", async () => {
    const configs = fc.oneof(
      fc.constantFrom(
        "",
        "{",
        "null",
        "[]",
        "7",
        '{"config":7}',
        '{"config":{"Labels":[1]}}',
        '{"config":{"Labels":{"a":1}}}',
      ),
      fc
        .dictionary(
          fc.constantFrom(
            "org.opencontainers.image.revision",
            "dev.spillway.sequence",
            "dev.spillway.schema",
            "dev.spillway.author",
          ),
          text,
        )
        // This commit has a migration image, so such an image is no hostile one.
        .filter((labels) => labels["org.opencontainers.image.revision"] !== "aaaaaaa")
        .map((Labels) => JSON.stringify({ config: { Labels } })),
    );
    let number = 0;
    await fc.assert(
      fc.asyncProperty(configs, async (config) => {
        const tag = `hostile-${number++}`;
        const pinned = await run(pushConfig(config, tag));
        const { error, cause, status } = await world.start({ service: "web", digest: pinned });
        expect(status, config).toBe("FAILED");
        expectNamed(error, cause, config);
      }),
      { numRuns: 40 },
    );
    expect(world.serving()).toBe("aaaaaaa");
  });

  async function pushConfig(config: string, tag: string): Promise<string> {
    const { images } = world.aws;
    const blob = await images.writeBlob(once(config));
    const layer = await images.writeBlob(once(tag));
    const type = "application/vnd.oci.image";
    const manifest = {
      config: { mediaType: `${type}.config.v1+json`, ...blob },
      layers: [{ mediaType: `${type}.layer.v1.tar+gzip`, ...layer }],
    };
    // No tag, so that the push itself starts nothing.
    const put = { text: JSON.stringify(manifest), mediaType: `${type}.manifest.v1+json` };
    return (await images.putManifest("web", put)).digest;
  }

  async function* once(content: string) {
    yield new TextEncoder().encode(content);
  }
});

describe("the functions that hear events", () => {
  const event = mostly({
    source: fc.constantFrom("aws.codebuild", "aws.ecs", "aws.apprunner", "aws.states", "spillway"),
    account: fc.constant("000000000000"),
    "detail-type": text,
    resources: fc.array(text, { maxLength: 2 }),
    detail: mostly({
      executionArn: fc.oneof(
        text,
        fc.constant("arn:aws:states:us-east-1:000000000000:execution:spillway-DeployMachine:x"),
      ),
      status: fc.constantFrom("FAILED", "ABORTED", "TIMED_OUT"),
      "build-status": text,
      lastStatus: text,
    }),
  });

  it.each(["CompleteWait", "RecoverExecution"])(
    "%s answers, or says by name what it was given",
    async (name) => {
      const before = await records();
      await fc.assert(
        fc.asyncProperty(fc.oneof(event, anything), async (given) => {
          const failed = await invoke(name, given);
          if (failed !== undefined) expectNamed(failed.errorType, failed.errorMessage, given);
        }),
        { numRuns: 150 },
      );
      expect(await records()).toEqual(before);
    },
  );
});

describe("the operator's door", () => {
  const action = fc.constantFrom(
    ...[
      "approve",
      "reject",
      "stop-the-line",
      "resume-the-line",
      "override-freeze",
      "lift-hold",
      "lift-quarantine",
      "cancel",
    ],
  );

  it("answers any action with any members by a name, and does nothing that was not asked for", async () => {
    const before = await records();
    const operator = createOperator(world, "ada");
    const body = fc.record({ action }).chain((named) =>
      mostly({
        service: fc.constantFrom("web", "shop", "__proto__"),
        environment: fc.constantFrom("moon", "__proto__", ""),
        release: fc.constantFrom(`${"web-000000000000"}-1`, "", "__proto__"),
        digest: fc.constantFrom(`sha256:${"0".repeat(64)}`, "sha256:"),
        reason: text,
      }).map((members) => JSON.stringify({ ...members, ...named })),
    );
    await fc.assert(
      fc.asyncProperty(body, async (sent) => {
        const answer = await operator.send(sent);
        expect([400, 403, 404, 409, 413], sent).toContain(answer.status);
        expectNamed(answer.error, `${answer.message}`, sent);
      }),
      { numRuns: 150 },
    );
    expect(await records()).toEqual(before);
  });

  it("is asked by nobody whose event says no caller, or whose body is not what its encoding says", async () => {
    const given = mostly({
      version: fc.constant("2.0"),
      body: fc.oneof(text, fc.constant('{"action":"stop-the-line","service":"web","reason":"why"}')),
      isBase64Encoded: fc.constant(true),
      requestContext: mostly({
        requestId: text,
        http: fc.record({ method: fc.constantFrom("POST", "GET", "") }),
        authorizer: mostly({ iam: fc.record({ userArn: text }) }),
      }),
    });
    await fc.assert(
      fc.asyncProperty(given, async (asked) => {
        const failed = await invoke("Operate", asked);
        if (failed !== undefined) expectNamed(failed.errorType, failed.errorMessage, asked);
      }),
      { numRuns: 150 },
    );
    expect((await records()).environment.stopped).toBeUndefined();
  });

  it("and the next release goes as before", async () => {
    const next = await world.release("ccccccc");
    expect(await run(world.records.requireRelease(next))).toMatchObject({ outcome: "Released" });
    expect(next).not.toBe(first);
    expect(digest).toMatch(/^sha256:/);
  });
});
