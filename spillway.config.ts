import { defineConfig } from "./core/config.ts";

const buildspecs = "examples/web/buildspecs";

/** What Spillway releases: the example service, in one environment. */
export default defineConfig({
  services: {
    web: {
      image: { repository: "web" },
      migration: { repository: "web-migrate" },
      source: { location: "https://github.com/example/spillway.git" },
      stages: {
        "static-analysis": { buildspec: `${buildspecs}/static-analysis.yml` },
        "unit-tests": { buildspec: `${buildspecs}/unit-tests.yml` },
        "integration-tests": { buildspec: `${buildspecs}/integration-tests.yml`, needs: "image" },
        "security-scan": { buildspec: `${buildspecs}/security-scan.yml` },
      },
      tracks: [["static-analysis", "unit-tests"], ["integration-tests"], ["security-scan"]],
      environments: {
        production: {
          target: {
            kind: "apprunner",
            secrets: {
              DATABASE_URL: "web/production/database:url",
              DATABASE_CA: "web/production/database:ca",
            },
            // As often as App Runner can: this environment is an example on a laptop.
            healthCheck: { intervalSeconds: 1 },
          },
          database: { secret: "web/production/database:url", ca: "web/production/database:ca" },
          health: { path: "/health", intervalSeconds: 1, consecutiveSuccesses: 2 },
        },
      },
      waves: [["production"]],
    },
  },
});
