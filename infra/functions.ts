import { execFileSync } from "node:child_process";
import { basename } from "node:path";
import type { FunctionDescription } from "./application.ts";
import { physicalName } from "./arns.ts";
import { passedRoles } from "./passed-roles.ts";
import { functionStatements } from "./roles.ts";
import { application, permanent, place } from "./stage.ts";

// The bytes that also run on a laptop. By npm, because the Node that runs SST may be older than the one we pin.
execFileSync("npm", ["run", "--silent", "build"], {
  cwd: $cli.paths.root,
  stdio: ["ignore", "ignore", "inherit"],
});

function makeFunction(description: FunctionDescription) {
  const { name, file, timeoutSeconds, memoryMegabytes, environment } = description;
  const physical = physicalName(application, name);
  return new sst.aws.Function(name, {
    name: physical,
    bundle: `dist/functions/${basename(file, ".ts")}`,
    handler: "index.handler",
    runtime: "nodejs24.x",
    architecture: "arm64",
    timeout: `${timeoutSeconds} seconds`,
    memory: `${memoryMegabytes} MB`,
    // An execution keeps calling the version with which it began.
    versioning: true,
    // A stub in the way of a release would let it wait for somebody's laptop.
    dev: false,
    environment: { ...environment },
    logging: { retention: permanent ? "3 months" : "2 weeks" },
    permissions: $output(passedRoles).apply((roles) =>
      functionStatements(description, application, { ...place, roles }).map(
        ({ actions, resources, conditions }) => ({
          actions: [...actions],
          resources: [...resources],
          conditions: conditions.map((condition) => ({ ...condition, values: [...condition.values] })),
        }),
      ),
    ),
    transform: {
      // SST's own would let it write to every log of the account.
      role: (args) => {
        args.managedPolicyArns = [];
      },
      function: (args) => {
        args.tracingConfig = { mode: "Active" };
      },
    },
  });
}

/** Every function by its name, which is that of its state. */
export const functions: Readonly<Record<string, sst.aws.Function>> = Object.fromEntries(
  application.functions.map((description) => [description.name, makeFunction(description)]),
);
