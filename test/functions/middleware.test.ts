import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

/** Calls a function that answers with an outcome, in a process of its own, whose output is what CloudWatch reads. */
const program = `
  const { createHandler } = await import(${JSON.stringify(join(root, "functions/middleware.ts"))});
  const z = await import("zod/mini");
  const definition = { name: "Example", input: z.unknown(), run: async () => ({ outcome: "NeedsAttention" }) };
  await createHandler(definition, { connection: {}, environment: {} })({}, {});
`;

it("counts how things end in the namespace of its installation, which alarms look at", async () => {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], {
    cwd: root,
    env: { POWERTOOLS_LOG_LEVEL: "SILENT", POWERTOOLS_METRICS_NAMESPACE: "Spillway/spillway-dev" },
  });
  const counted = stdout
    .split("\n")
    .filter((line) => line.includes("_aws"))
    .map((line) => JSON.parse(line));
  expect(counted).toHaveLength(2);
  expect(counted.map(({ Succeeded, NeedsAttention }) => Succeeded ?? NeedsAttention)).toEqual([1, 1]);
  for (const { _aws, service } of counted) {
    expect(_aws.CloudWatchMetrics[0]).toMatchObject({
      Namespace: "Spillway/spillway-dev",
      Dimensions: [["service"]],
    });
    expect(service).toBe("Example");
  }
});

/** Calls a function that is never done, in a process with a few milliseconds left, and says how it ended. */
const endless = program
  .replace('async () => ({ outcome: "NeedsAttention" })', "() => new Promise(() => {})")
  .replace("await createHandler", "createHandler")
  .replace(
    "({}, {});",
    "({}, { getRemainingTimeInMillis: () => 6 }).catch((error) => console.log(error.name));",
  );

it("leaves a function whose time is up to Lambda, which ends its process and says what the machines retry", async () => {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", endless], {
    cwd: root,
    env: { POWERTOOLS_LOG_LEVEL: "SILENT", POWERTOOLS_METRICS_DISABLED: "true" },
  });
  expect(stdout).toBe("");
});
