/** What a request must be allowed to do: an action on a resource, under the circumstances of the request. */
export interface Demand {
  /** "states:StartExecution" */
  readonly action: string;
  /** An ARN, or "*" for an action that knows no resource. */
  readonly resource: string;
  /** Condition keys of the request: `{"iam:PassedToService": "ecs-tasks.amazonaws.com"}`. */
  readonly context?: Readonly<Record<string, string>>;
}

/** The demands of a service's operations, by the operation's name. What it does not hold is demanded on "*". */
export type Demands = Readonly<Record<string, (input: never) => readonly Demand[]>>;

/** One action on each of the resources. */
export function demand(action: string, ...resources: readonly string[]): Demand[] {
  return resources.map((resource) => ({ action, resource }));
}

/** Handing these roles to a service. */
export function passRoles(roleArns: readonly (string | undefined)[], service: string): Demand[] {
  const given = [...new Set(roleArns)].filter((roleArn) => roleArn !== undefined);
  return given.map((resource) => ({
    action: "iam:PassRole",
    resource,
    context: { "iam:PassedToService": service },
  }));
}
