import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Two processes: each test file starts real processes of its own, and a laptop has two cores to spare.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
