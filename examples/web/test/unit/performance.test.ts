import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judge, measure, readLimits, readLoad } from "../../performance/limits.ts";
import { generateLoad } from "../../performance/load.ts";

/** A clock that stands still but for its sleepers. */
function createClock() {
  let now = 1_000;
  return {
    now: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
    block: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

describe("an open loop", () => {
  test("sends at its rate, whether or not anything is answered", async () => {
    const clock = createClock();
    const sentAt: number[] = [];
    const answers: (() => void)[] = [];
    const load = generateLoad(clock, { requestsPerSecond: 10, seconds: 0.5 }, (index) => {
      sentAt.push(clock.now());
      return new Promise((resolve) => {
        answers.push(() => resolve(index === 4 ? "status 503" : undefined));
        if (answers.length === 5) for (const answer of answers) answer();
      });
    });
    const samples = await load;
    assert.deepEqual(sentAt, [1_000, 1_100, 1_200, 1_300, 1_400]);
    assert.deepEqual(
      samples.map(({ milliseconds }) => milliseconds),
      [400, 300, 200, 100, 0],
    );
    assert.deepEqual(samples.at(-1)?.failure, "status 503");
  });

  test("counts from when a request was due, also if it could only be sent later", async () => {
    const clock = createClock();
    const samples = await generateLoad(clock, { requestsPerSecond: 100, seconds: 0.03 }, async (index) => {
      if (index === 0) clock.block(50);
      return undefined;
    });
    assert.deepEqual(
      samples.map(({ milliseconds }) => milliseconds),
      [50, 40, 30],
    );
  });
});

test("percentiles are nearest ranks of what succeeded; errors are counted by reason", () => {
  const samples = Array.from({ length: 100 }, (_, index) => ({
    milliseconds: index + 1,
    failure: undefined,
  }));
  assert.deepEqual(measure([...samples, { milliseconds: 9_000, failure: "status 500" }]), {
    requests: 101,
    p50Milliseconds: 50,
    p99Milliseconds: 99,
    slowestMilliseconds: 100,
    errorPercent: 0.99,
    errors: { "status 500": 1 },
  });
});

test("a missed limit says by how much; a limit that is not set is not checked; errors always are", () => {
  const measurement = measure([
    { milliseconds: 431.04, failure: undefined },
    { milliseconds: 20, failure: "ECONNRESET" },
  ]);
  const limits = readLimits({ SPILLWAY_LIMIT_P99_MILLISECONDS: "200" });
  assert.deepEqual(
    judge(measurement, limits).map(({ missed }) => missed),
    [
      "p99 431 ms, 231 ms over the limit of 200 ms (SPILLWAY_LIMIT_P99_MILLISECONDS)",
      "errors 50 %, 50 % over the limit of 0 % (SPILLWAY_LIMIT_ERROR_PERCENT)",
    ],
  );
  const tolerant = readLimits({ SPILLWAY_LIMIT_P50_MILLISECONDS: "432", SPILLWAY_LIMIT_ERROR_PERCENT: "50" });
  assert.ok(judge(measurement, tolerant).every(({ missed }) => missed === undefined));
  const [nothing] = judge(measure([{ milliseconds: 1, failure: "x" }]), limits);
  assert.match(nothing?.missed ?? "", /no request succeeded/);
});

test("settings that are no numbers are refused by name", () => {
  assert.deepEqual(readLoad({}), { requestsPerSecond: 50, seconds: 5 });
  assert.throws(() => readLoad({ SPILLWAY_LOAD_SECONDS: "0" }), { name: "LoadSettingsError" });
  assert.throws(
    () => readLimits({ SPILLWAY_LIMIT_P50_MILLISECONDS: "fast" }),
    /SPILLWAY_LIMIT_P50_MILLISECONDS/,
  );
});
