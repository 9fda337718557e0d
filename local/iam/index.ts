import { AwsError } from "../service.ts";
import type { World } from "../world.ts";
import { type Caller, callerInRole } from "./caller.ts";
import { type CredentialStore, createCredentialStore } from "./credentials.ts";
import type { Demand } from "./demand.ts";
import { allowingStatement } from "./evaluate.ts";
import type { Role, Statement } from "./roles.ts";

/** What was decided of one demand of a role, and how often. */
export interface Decision {
  readonly roleArn: string;
  readonly demand: Demand;
  /** What allowed it; undefined if it was denied. */
  readonly allowedBy: Statement | undefined;
  count: number;
}

/** Roles, the credentials of those who took one, and what they may do; of all accounts, as an ARN names its own. */
export interface Iam extends CredentialStore {
  /** Makes a role or changes it: those who have taken it are held to it from now on. */
  putRole(role: Role): void;
  role(arn: string): Role | undefined;
  roles(): readonly Role[];
  /**
   * Lets whoever may do all that is demanded go on. A person may do everything, and so may a role that nobody
   * described here. @throws AwsError AccessDeniedException, worded as AWS does.
   */
  authorize(caller: Caller, demands: readonly Demand[]): void;
  /** Every different decision since the start, in the order in which they were first made. */
  readonly decisions: readonly Decision[];
}

/** Makes IAM and STS's memory. */
export function createIam(world: Pick<World, "clock" | "random" | "accountId">): Iam {
  const roles = new Map<string, Role>();
  /** Role → action → resource, and the circumstances if there are any → what was decided. */
  const decided = new Map<string, Map<string, Map<string, Decision>>>();
  const decisions: Decision[] = [];

  function decide({ arn, statements }: Role, demand: Demand): Decision {
    const ofRole = entryOf(decided, arn);
    const ofAction = entryOf(ofRole, demand.action);
    const circumstances = demand.context === undefined ? "" : ` ${JSON.stringify(demand.context)}`;
    const key = `${demand.resource}${circumstances}`;
    const known = ofAction.get(key);
    if (known !== undefined) {
      known.count += 1;
      return known;
    }
    const allowedBy = allowingStatement(statements, demand);
    const decision = { roleArn: arn, demand, allowedBy, count: 1 };
    ofAction.set(key, decision);
    decisions.push(decision);
    return decision;
  }

  return {
    ...createCredentialStore(world),
    putRole(role) {
      roles.set(role.arn, role);
      // What was decided by its old statements need not hold by the new ones.
      decided.clear();
    },
    role: (arn) => roles.get(arn),
    roles: () => [...roles.values()],
    authorize(caller, demands) {
      const role = roles.get(caller.roleArn ?? "");
      if (role === undefined) return;
      for (const demand of demands) {
        if (decide(role, demand).allowedBy === undefined) throw accessDenied(caller, demand);
      }
    },
    decisions,
  };
}

/** A role that a service of AWS was given, and what it calls the session in which it uses it. */
export interface RoleSession {
  readonly roleArn: string | undefined;
  readonly sessionName: string;
}

/** What a service of AWS must be allowed by the role that it was given. A world without IAM holds nobody to a role. */
export function authorizeRole(
  { iam }: Pick<World, "iam">,
  { roleArn, sessionName }: RoleSession,
  demands: readonly Demand[],
): void {
  if (iam !== undefined && roleArn !== undefined) iam.authorize(callerInRole(roleArn, sessionName), demands);
}

/** The same, for what AWS leaves out silently where it may not, such as a line of a log. */
export function isRoleAllowed(...asked: Parameters<typeof authorizeRole>): boolean {
  try {
    authorizeRole(...asked);
    return true;
  } catch (error) {
    if (error instanceof AwsError) return false;
    throw error;
  }
}

function accessDenied({ arn }: Caller, { action, resource }: Demand): AwsError {
  return new AwsError(
    "AccessDeniedException",
    `User: ${arn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
  );
}

/** The map that a map of maps holds for a key, made if there is none. */
function entryOf<Value>(maps: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  const known = maps.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, Value>();
  maps.set(key, made);
  return made;
}
