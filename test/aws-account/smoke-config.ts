import { type ConfigInput, defineConfig } from "../../core/config.ts";

/** Where the example is released, and from where builds get its source. */
export interface SmokePlace {
  readonly account: string;
  readonly region: string;
  /** An https URL that CodeBuild may read. */
  readonly source: string;
  readonly appRunner?: "existing-customer";
}

/**
 * The example with what needs nothing of the account but App Runner and CodeBuild: in the environment that keeps its
 * data in memory, so there is no database and no secret.
 */
export function smokeConfig({ account, region, source, appRunner }: SmokePlace): ConfigInput {
  const buildspecs = "examples/web/buildspecs";
  return defineConfig({
    aws: { account, region, ...(appRunner === undefined ? {} : { appRunner }) },
    services: {
      web: {
        image: { repository: "web" },
        source: { location: source },
        stages: {
          "static-analysis": { buildspec: `${buildspecs}/static-analysis.yml` },
          "unit-tests": { buildspec: `${buildspecs}/unit-tests.yml` },
        },
        tracks: [["static-analysis", "unit-tests"]],
        environments: {
          development: {
            target: {
              kind: "apprunner",
              variables: { NODE_ENV: "development", DATABASE_URL: "sqlite::memory:" },
            },
            database: "none",
            health: { intervalSeconds: 5, consecutiveSuccesses: 2 },
          },
        },
        waves: [["development"]],
      },
    },
  });
}
