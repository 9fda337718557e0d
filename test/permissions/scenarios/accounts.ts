import type { ConfigInput } from "../../../core/config.ts";
import { oneEnvironment } from "../../simulation/environments.ts";
import type { Scenario } from "../scenario.ts";
import { changed, deleteServices } from "../steps.ts";
import { betweenCalls } from "./between-calls.ts";
import { people } from "./people.ts";
import { releases } from "./releases.ts";

/** What an environment goes through in another account, where functions act by a role of that account. */
const chosen: readonly string[] = [
  "releases that go well, with reports, artifacts, secrets of a build and a migration",
  "a release that crashes on start",
  "an unhealthy release, whose migration is taken back",
  "migrations that take too long, fail, or say nothing, and a database that is not there",
  "a release that bakes, watched by an alarm and by its share of failed requests",
  "releases that a person cancels, in a check and in a migration",
  "what a person cancels at the operator's door: a check, a migration and a place in line",
  "the same, and three recoveries that are stopped as well",
];

function inAnotherAccount(config: ConfigInput): ConfigInput {
  return changed({ ...config, aws: { ...config.aws, account: "123456789012" } }, ({ environments }) => {
    const { production } = environments;
    if (production === undefined) throw new Error("the example has a production");
    const account = { id: "210987654321", externalId: "3f2a91c0d4e5", network };
    environments.production = { ...production, account };
  });
}

const network = {
  subnets: ["subnet-0a1b2c3d", "subnet-1a2b3c4d"],
  securityGroups: ["sg-0a1b2c3d"],
  services: true,
};

/** What happens in other accounts, and in networks. */
export const accounts: readonly Scenario[] = [
  ...[...releases, ...people, ...betweenCalls]
    .filter(({ name }) => chosen.includes(name))
    .map(
      (scenario): Scenario => ({
        ...scenario,
        name: `${scenario.name}, in another account`,
        config: inAnotherAccount(structuredClone(scenario.config)),
      }),
    ),
  {
    name: "releases to a service in a network of its own, where a check runs, too",
    config: changed({ ...oneEnvironment(), aws: { network } }, ({ stages }) =>
      Object.assign(stages["unit-tests"] ?? {}, { network: true }),
    ),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { healthStatus: 500 });
      world.before("RollBack", () => deleteServices(world));
      await world.release("ccccccc", { healthStatus: 500 });
    },
  },
];
