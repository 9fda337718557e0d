import { defineConfig } from "vitest/config";

/** What takes minutes: whole starts of the command, killed on the way. Beside the suite, not in it. */
export default defineConfig({ test: { include: ["test/**/*.slow.ts"], testTimeout: 600_000, bail: 1 } });
