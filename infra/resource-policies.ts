import type { Application } from "./application.ts";
import type { MemberDescription } from "./members.ts";

/** What a thing lets other accounts do with it; what it does not say, only its own account may. */
export interface ResourceStatement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal: { readonly AWS: readonly string[] };
  readonly Action: string | readonly string[];
  /** Absent: the thing that has the policy, as in ECR. */
  readonly Resource?: string;
  readonly Condition?: { readonly StringEquals: Readonly<Record<string, string | readonly string[]>> };
}

const everyoneOf = (partition: string, accounts: readonly string[]) => ({
  AWS: accounts.map((account) => `arn:${partition}:iam::${account}:root`),
});

/** Who may put what on the installation's bus, besides its own account. Empty: nobody. */
export function busStatements(
  { members }: Pick<Application, "members">,
  trustedAccounts: readonly string[],
  partition: string,
  Resource: string,
): ResourceStatement[] {
  const put = { Effect: "Allow", Action: "events:PutEvents", Resource } as const;
  const trusted: ResourceStatement = {
    Sid: "TrustedAccountsRequestReleases",
    ...put,
    Principal: everyoneOf(partition, trustedAccounts),
    Condition: { StringEquals: { "events:detail-type": "Release Requested" } },
  };
  const forwarding: ResourceStatement = {
    Sid: "MembersForwardTheirEvents",
    ...put,
    Principal: everyoneOf(
      partition,
      members.map(({ account }) => account),
    ),
    Condition: {
      StringEquals: {
        "events:source": ["aws.ecs", "aws.apprunner"],
        "events:detail-type": ["ECS Task State Change", "AppRunner Service Operation Status Change"],
      },
    },
  };
  return [trusted, forwarding].filter(({ Principal }) => Principal.AWS.length > 0);
}

/** Which accounts may pull from a repository, besides its own: those where a service of it runs. Empty: none. */
export function repositoryStatements(
  { members }: Pick<Application, "members">,
  partition: string,
  repository: string,
): ResourceStatement[] {
  const pullers = members.filter(({ environments }) =>
    environments.some(({ image, migrationImage }) => image === repository || migrationImage === repository),
  );
  if (pullers.length === 0) return [];
  return [
    {
      Sid: "MembersPull",
      Effect: "Allow",
      Principal: everyoneOf(
        partition,
        pullers.map(({ account }) => account),
      ),
      Action: pullActions,
    },
  ];
}

/** What App Runner and ECS ask of a repository to start an image of it. */
export const pullActions = [
  "ecr:BatchCheckLayerAvailability",
  "ecr:BatchGetImage",
  "ecr:DescribeImages",
  "ecr:GetDownloadUrlForLayer",
] as const;

/** Who may take a role in a member account: principals of `principal`'s account, and of these whom it says. */
export interface Entrance {
  readonly principal: string;
  /** What they must say. */
  readonly externalId: string;
  /** A pattern of their own ARNs; undefined: whoever that account lets. */
  readonly callers?: string;
}

/**
 * Who may take the role by which functions act in a member account: roles of the installation's account that are
 * called as those of its functions are, if they know the external id.
 */
export function functionsEntrance(
  { prefix }: Pick<Application, "prefix">,
  member: Pick<MemberDescription, "externalId">,
  home: { readonly partition: string; readonly account: string },
): Entrance {
  const callers = `arn:${home.partition}:iam::${home.account}:role/${prefix}-*`;
  return { ...everyone(member, home), callers };
}

/** Who may take the role by which a deployment at home reads what was made in a member account. */
export function deployersEntrance(
  member: Pick<MemberDescription, "externalId">,
  home: { readonly partition: string; readonly account: string },
): Entrance {
  return everyone(member, home);
}

function everyone(
  { externalId }: Pick<MemberDescription, "externalId">,
  { partition, account }: { readonly partition: string; readonly account: string },
): Entrance {
  return { principal: `arn:${partition}:iam::${account}:root`, externalId };
}
