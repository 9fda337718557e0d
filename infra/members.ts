import type { MemberConfig } from "../core/account.ts";
import type { Config } from "../core/config.ts";
import { membersOf } from "../core/members.ts";
import type {
  AccountDescription,
  EnvironmentDescription,
  FunctionDescription,
  RuleDescription,
} from "./application.ts";
import type { Permission, Thing } from "./permissions.ts";

/** What there is in an account, other than the installation's own, where environments run. */
export interface MemberDescription extends AccountDescription {
  readonly account: string;
  readonly externalId: string;
  /** The name of the role that functions at home take. */
  readonly role: string;
  /** The name of the role by which a deployment at home reads what was made there, and the parameter that says it. */
  readonly readerRole: string;
  readonly parameter: string;
  /** What the functions may do with that role. */
  readonly permissions: readonly Permission[];
  /** What the account tells the installation's bus: what rules at home would hear if it happened there. */
  readonly forwards: readonly { readonly name: string; readonly pattern: object }[];
}

/** The things that are in the account where an environment runs; all others are at home. */
const there: ReadonlySet<Thing> = new Set<Thing>([
  ...(["tasks", "task-list", "migration-tasks", "migration-roles", "migration-logs"] as const),
  ...([
    "targets",
    "target-list",
    "target-log-groups",
    "target-logs",
    "target-access-role",
    "target-instance-roles",
    "target-network",
    "alarms",
    "metrics",
  ] as const),
]);

/** Whoever acts in an environment may take the roles of the accounts where environments run. */
export function withEntrance(
  permissions: readonly Permission[],
  { services }: Config,
): readonly Permission[] {
  if (membersOf({ services }).length === 0 || !permissions.some(({ on }) => there.has(on)))
    return permissions;
  return [...permissions, { actions: ["sts:AssumeRole"], on: "member-roles" }];
}

/**
 * Describes the member accounts of an installation.
 * @param environments all of the installation's, wherever they run.
 */
export function describeMembers(
  config: Config,
  prefix: string,
  environments: readonly EnvironmentDescription[],
  functions: readonly FunctionDescription[],
  rules: readonly RuleDescription[],
): MemberDescription[] {
  const permissions = functions.flatMap(({ permissions }) => permissions.filter(({ on }) => there.has(on)));
  return membersOf(config).map((member) => {
    const own = environments.filter((one) =>
      member.environments.includes(`${one.service}/${one.environment}`),
    );
    return {
      ...describeAccount(prefix, member, own),
      account: member.id,
      externalId: member.externalId,
      role: memberRole(prefix),
      readerRole: `${prefix}-member-reader`,
      parameter: `/${prefix}/member`,
      permissions,
      forwards: heardAbroad(rules),
    };
  });
}

/** What environments need in the account where they run, whichever that is. */
export function describeAccount(
  prefix: string,
  { network, cluster }: Pick<MemberConfig, "network" | "cluster">,
  environments: readonly EnvironmentDescription[],
): AccountDescription {
  return {
    cluster: cluster ?? prefix,
    makesCluster: cluster === undefined,
    migrationLogGroup: `/spillway/${prefix}/migrations`,
    vpcConnector: network?.services === true ? prefix : undefined,
    services: [...new Set(environments.map(({ service }) => service))],
    environments,
    secrets: [
      ...new Set(environments.flatMap(({ secrets, migrationSecrets }) => [...secrets, ...migrationSecrets])),
    ],
  };
}

/** The name of the role that functions at home take in a member account. */
export function memberRole(prefix: string): string {
  return `${prefix}-member`;
}

/** The rules at home that tell how work in an environment ended. */
const heard = ["TaskStopped", "TargetOperationEnded"];

function heardAbroad(rules: readonly RuleDescription[]) {
  return rules.flatMap(({ name, pattern, target }) =>
    pattern !== undefined && heard.includes(name) ? [{ name, pattern, target }] : [],
  );
}

/** The rules on the installation's own bus that hear what member accounts forward, and no other account. */
export function rulesForMembers(config: Config, rules: readonly RuleDescription[]): RuleDescription[] {
  const accounts = membersOf(config).map(({ id }) => id);
  if (accounts.length === 0) return [];
  return heardAbroad(rules).map(({ name, pattern, target }) => ({
    name: `Member${name}`,
    bus: "spillway",
    pattern: { ...pattern, account: accounts },
    target,
  }));
}
