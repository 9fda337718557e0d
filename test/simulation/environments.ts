import type { ConfigInput } from "../../core/config.ts";
import example from "../../spillway.config.ts";

type ServiceInput = ConfigInput["services"][string];
type EnvironmentInput = ServiceInput["environments"][string];

/** The example, with the settings of its environment changed. */
export function exampleWith(change: Partial<EnvironmentInput>): ConfigInput {
  const config = structuredClone(example);
  const { web, production } = partsOf(config);
  web.environments.production = { ...production, ...change };
  return config;
}

/** The example in staging and then in production; releases reach production only when somebody promotes them. */
export function twoEnvironments(change: Partial<EnvironmentInput> = {}): ConfigInput {
  const config = exampleWith(change);
  const { web, production } = partsOf(config);
  web.environments.staging = { ...production, database: { secret: "web/staging/database" } };
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
