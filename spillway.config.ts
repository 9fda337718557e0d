import { defineConfig } from "./core/config.ts";

const buildspecs = "examples/web/buildspecs";

/** What the environments with a PostgreSQL have in common: where its address and its authority are kept. */
const onPostgres = (environment: string) => {
  const [url, ca] = [`web/${environment}/database:url`, `web/${environment}/database:ca`];
  return {
    target: {
      kind: "apprunner",
      secrets: { DATABASE_URL: url, DATABASE_CA: ca },
      healthCheck: { intervalSeconds: 1 },
    },
    database: { secret: url, ca },
  } as const;
};

/** What Spillway releases: the example service, to staging, then to production; to development when asked to. */
export default defineConfig({
  services: {
    web: {
      image: { repository: "web" },
      migration: { repository: "web-migrate" },
      source: { location: "https://github.com/example/spillway.git" },
      build: { buildspec: `${buildspecs}/build-image.yml` },
      stages: {
        "static-analysis": { buildspec: `${buildspecs}/static-analysis.yml` },
        "unit-tests": {
          buildspec: `${buildspecs}/unit-tests.yml`,
          matrix: { TZ: ["UTC", "Pacific/Auckland"] },
        },
        "integration-tests": { buildspec: `${buildspecs}/integration-tests.yml`, needs: "image" },
        "security-scan": { buildspec: `${buildspecs}/security-scan.yml` },
        "end-to-end": { buildspec: `${buildspecs}/end-to-end.yml` },
        performance: { buildspec: `${buildspecs}/performance.yml` },
      },
      tracks: [["static-analysis", "unit-tests"], ["integration-tests"], ["security-scan"]],
      environments: {
        development: {
          target: {
            kind: "apprunner",
            variables: { NODE_ENV: "development", DATABASE_URL: "sqlite::memory:" },
            healthCheck: { intervalSeconds: 1 },
          },
          database: "none",
          health: { intervalSeconds: 1, consecutiveSuccesses: 1 },
        },
        staging: {
          ...onPostgres("staging"),
          health: { intervalSeconds: 1, consecutiveSuccesses: 2, commitMember: "commit" },
          verification: [["end-to-end", "performance"]],
          performance: { p50Milliseconds: 200, p99Milliseconds: 1500, errorPercent: 0 },
        },
        production: {
          ...onPostgres("production"),
          health: {
            intervalSeconds: 1,
            consecutiveSuccesses: 3,
            maximumLatencyMilliseconds: 2000,
            commitMember: "commit",
          },
          verification: [["end-to-end"]],
        },
      },
      waves: [["staging"], ["production"]],
    },
  },
});
