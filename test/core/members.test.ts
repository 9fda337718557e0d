import { describe, expect, it } from "vitest";
import { type ConfigInput, parseConfig } from "../../core/config.ts";
import { membersOf } from "../../core/members.ts";
import { resourcesOf } from "../../core/settings.ts";
import { twoEnvironments } from "../simulation/environments.ts";

const account = { id: "210987654321", externalId: "a-text-of-ours" };

/** The example, with production in an account of its own. */
function withMember(change: (config: ConfigInput) => unknown = () => {}): ConfigInput {
  const config = twoEnvironments();
  config.aws = { account: "123456789012" };
  Object.assign(environmentOf(config, "production"), { account });
  change(config);
  return config;
}

function environmentOf({ services: { web } }: ConfigInput, name: string) {
  const environment = web?.environments[name];
  if (environment === undefined) throw new Error(`the example has no environment ${name}`);
  return environment;
}

const refusal = (change: (config: ConfigInput) => unknown): string => {
  try {
    parseConfig(withMember(change));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "accepted";
};

describe("an environment in an account of its own", () => {
  it("is known with all others that share the account", () => {
    const config = parseConfig(
      withMember((config) => Object.assign(environmentOf(config, "staging"), { account })),
    );
    expect(membersOf(config)).toEqual([{ ...account, environments: ["web/production", "web/staging"] }]);
    expect(membersOf(parseConfig(twoEnvironments()))).toEqual([]);
  });

  it.each<[string, (config: ConfigInput) => unknown, string]>([
    ["no home", (config) => Object.assign(config, { aws: {} }), "say aws.account"],
    [
      "the home's own account",
      (config) => Object.assign(config, { aws: { account: account.id } }),
      "leave account out",
    ],
    [
      "an account described in two ways",
      (config) =>
        Object.assign(environmentOf(config, "staging"), { account: { ...account, externalId: "another" } }),
      "is described otherwise at web/production",
    ],
    [
      "an account that is none",
      (config) => Object.assign(environmentOf(config, "production"), { account: { ...account, id: "42" } }),
      "an AWS account has 12 digits",
    ],
    [
      "no external id",
      (config) => Object.assign(environmentOf(config, "production"), { account: { id: account.id } }),
      "services.web.environments.production.account.externalId",
    ],
    [
      "an external id that AWS would not take",
      (config) =>
        Object.assign(environmentOf(config, "production"), { account: { ...account, externalId: "é é" } }),
      "an external id has 2 to 1224 letters",
    ],
  ])("is refused with %s", (_, change, words) => {
    expect(refusal(change)).toContain(words);
  });

  it("is not deployed to before the installation knows what is there", () => {
    const home = {
      ...{ prefix: "spillway", releaseMachineArn: "", deployMachineArn: "", registry: "" },
      ...{ cluster: "spillway", subnets: [], securityGroups: [], publicAddress: false },
      ...{ migrationTaskRoleArn: "", appRunnerAccessRoleArn: "", environmentRoles: {} },
      ...{ migrationLogGroup: "", secrets: {} },
    };
    const release = (members: object | undefined) => ({
      id: "web-1",
      service: "web",
      installation: { config: parseConfig(withMember()), resources: { ...home, ...members } },
    });
    expect(resourcesOf(release(undefined), "staging")).toMatchObject({ cluster: "spillway" });
    expect(() => resourcesOf(release(undefined), "production")).toThrow(
      "does not know what there is for production in the account 210987654321; deploy it there",
    );
    const access = {
      roleArn: "arn:aws:iam::210987654321:role/spillway-member",
      externalId: "a-text-of-ours",
    };
    const members = { members: { [account.id]: { ...home, cluster: "theirs", access } } };
    expect(resourcesOf(release(members), "production")).toMatchObject({ cluster: "theirs", access });
  });
});
