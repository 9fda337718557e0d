import type * as z from "zod/mini";
import type { MemberConfig } from "./account.ts";
import type { Config } from "./config.ts";

/** An account with environments of ours, other than the installation's own. */
export interface Member extends MemberConfig {
  /** `service/environment` of each that runs there. */
  readonly environments: readonly string[];
}

/** The member accounts of a config, by id: each as its first environment describes it. */
export function membersOf({ services }: Pick<Config, "services">): Member[] {
  const members = new Map<string, Member>();
  for (const { name, account } of accountsOf(services)) {
    const { environments = [] } = members.get(account.id) ?? {};
    members.set(account.id, {
      ...(members.get(account.id) ?? account),
      environments: [...environments, name],
    });
  }
  return [...members.values()];
}

function accountsOf(services: Config["services"]): { path: string[]; name: string; account: MemberConfig }[] {
  return Object.entries(services).flatMap(([service, { environments }]) =>
    Object.entries(environments).flatMap(([environment, { account }]) =>
      account === undefined
        ? []
        : {
            path: ["services", service, "environments", environment, "account"],
            name: `${service}/${environment}`,
            account,
          },
    ),
  );
}

/** An account is described once, and it is known which account is home: the members let only that one in. */
export function checkMembers(config: Config, context: z.core.$RefinementCtx): void {
  const home = config.aws.account;
  const first = new Map<string, { name: string; account: MemberConfig }>();
  for (const { path, name, account } of accountsOf(config.services)) {
    const described = first.get(account.id) ?? { name, account };
    first.set(account.id, described);
    const report = (message: string) => context.addIssue({ code: "custom", path, message });
    if (home === undefined)
      report(`say aws.account, the installation's own account: ${account.id} lets only that one in`);
    if (home === account.id)
      report(`${home} is the installation's own account; leave account out for an environment there`);
    if (!isSame(described.account, account))
      report(
        `${account.id} is described otherwise at ${described.name}; describe an account once and use it for each`,
      );
  }
}

function isSame(one: object, other: object): boolean {
  const sorted = (value: object) =>
    JSON.stringify(Object.entries(value).toSorted(([a], [b]) => a.localeCompare(b)));
  return sorted(one) === sorted(other);
}
