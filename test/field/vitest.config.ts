import { defineConfig } from "vitest/config";
import everyday from "../../vitest.config.ts";

/** The tests that run the tools of the field work: the AWS CLI, skopeo, docker. Without a tool its tests are skipped. */
export default defineConfig({
  test: {
    ...everyday.test,
    include: ["test/field/*.test.ts"],
    exclude: [],
    // A command takes a second, and several on a machine that is busy.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
