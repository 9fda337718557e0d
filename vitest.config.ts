import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: [
      // One Pulumi: that of SST's components, which is there once `npm run infra:install` was run.
      {
        find: /^@pulumi\/(pulumi|aws)/,
        replacement: join(import.meta.dirname, ".sst/platform/node_modules/@pulumi/$1"),
      },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // Each command of a real tool takes a second: npm run field.
    exclude: ["test/field/**"],
    // Two processes: each test file starts real processes of its own, and a laptop has two cores to spare.
    maxWorkers: 2,
    testTimeout: 30_000,
    // What a function logs is tested where it matters; elsewhere it would bury the results.
    env: { POWERTOOLS_LOG_LEVEL: "SILENT", POWERTOOLS_METRICS_DISABLED: "true" },
    // `npm run coverage` fails if a branch of a decision is taken by no test.
    coverage: {
      provider: "v8",
      include: ["core/**"],
      reporter: [["text", { skipFull: true }]],
      thresholds: { branches: 100 },
    },
  },
});
