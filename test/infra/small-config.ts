import type { ConfigInput } from "../../core/config.ts";

/** One service in one environment, with a stage and a migration: small enough to be changed in a test. */
export const smallConfig: ConfigInput = {
  services: {
    web: {
      image: { repository: "web" },
      migration: { repository: "web-migrate" },
      source: { location: "https://github.com/example/web.git" },
      stages: { "unit-tests": { buildspec: "unit-tests.yml" } },
      tracks: [["unit-tests"]],
      environments: {
        production: {
          target: { kind: "apprunner", secrets: { DATABASE_URL: "web/production/database" } },
          database: { secret: "web/production/database" },
        },
      },
      waves: [["production"]],
    },
  },
};
