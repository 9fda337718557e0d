import type { ConfigInput } from "../../core/config.ts";
import example from "../../spillway.config.ts";

type ServiceInput = ConfigInput["services"][string];
type EnvironmentInput = ServiceInput["environments"][string];

/** The example with production only, checks of the commit, and nothing else: the least that is a whole release. */
export function oneEnvironment(): ConfigInput {
  const config = structuredClone(example);
  const { web, production } = partsOf(config);
  for (const stage of (production.verification ?? []).flat()) delete web.stages[stage];
  delete web.stages.performance;
  delete web.stages["unit-tests"]?.matrix;
  delete web.stages["integration-tests"]?.needs;
  delete web.build;
  delete production.verification;
  production.health = { intervalSeconds: 1, consecutiveSuccesses: 2 };
  web.environments = { production };
  web.waves = [["production"]];
  return config;
}

/** The same, with the settings of its environment changed. */
export function exampleWith(change: Partial<EnvironmentInput>): ConfigInput {
  const config = oneEnvironment();
  const { web, production } = partsOf(config);
  web.environments.production = { ...production, ...change };
  return config;
}

/** The example in staging and then in production; releases reach production only when somebody promotes them. */
export function twoEnvironments(change: Partial<EnvironmentInput> = {}): ConfigInput {
  const config = exampleWith(change);
  const { web, production } = partsOf(config);
  web.environments.staging = { ...production, database: { secret: "web/staging/database:url" } };
  web.waves = [["staging"]];
  return config;
}

function partsOf(config: ConfigInput): { web: ServiceInput; production: EnvironmentInput } {
  const { web } = config.services;
  const production = web?.environments.production;
  if (web === undefined || production === undefined)
    throw new Error("the example has a service web with an environment production");
  return { web, production };
}
