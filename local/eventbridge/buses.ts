import type { Target } from "@aws-sdk/client-eventbridge";
import { pageByName as pageNames } from "../pagination.ts";
import { AwsError } from "../service.ts";
import { arn, type World } from "../world.ts";
import type { CompiledPattern } from "./pattern.ts";
import type { Schedule } from "./schedule.ts";

/** A target as PutTargets takes it; both members are required there. */
export type RuleTarget = Target & { Id: string; Arn: string };

/** A rule with what it was compiled to. */
export interface Rule {
  readonly name: string;
  readonly arn: string;
  readonly busName: string;
  description: string | undefined;
  roleArn: string | undefined;
  eventPattern: string | undefined;
  pattern: CompiledPattern | undefined;
  scheduleExpression: string | undefined;
  schedule: Schedule | undefined;
  enabled: boolean;
  readonly targets: Map<string, RuleTarget>;
}

/** An event bus with its rules by name. */
export interface EventBus {
  readonly name: string;
  readonly arn: string;
  description: string | undefined;
  readonly createdAt: Date;
  readonly rules: Map<string, Rule>;
}

/** The event buses of the account; there is always one called "default". */
export interface Buses {
  /** By name or ARN; the default bus when none is named. */
  find(nameOrArn: string | undefined): EventBus | undefined;
  /** Throws AwsError ResourceNotFoundException. */
  get(nameOrArn: string | undefined): EventBus;
  /** Throws AwsError ResourceNotFoundException for the bus or the rule. */
  rule(name: string | undefined, busNameOrArn: string | undefined): Rule;
  /** Throws AwsError ResourceAlreadyExistsException. */
  create(name: string, description: string | undefined): EventBus;
  delete(name: string): void;
  all(): EventBus[];
}

export const DEFAULT_BUS = "default";

/** Makes the account's buses. */
export function createBuses(world: World): Buses {
  const buses = new Map<string, EventBus>();

  const add = (name: string, description: string | undefined): EventBus => {
    const bus: EventBus = {
      name,
      arn: arn(world, "events", `event-bus/${name}`),
      description,
      createdAt: new Date(world.clock.now()),
      rules: new Map(),
    };
    buses.set(name, bus);
    return bus;
  };
  add(DEFAULT_BUS, undefined);

  const find = (nameOrArn: string | undefined) => buses.get(busName(nameOrArn));
  const get = (nameOrArn: string | undefined): EventBus => {
    const bus = find(nameOrArn);
    if (bus) return bus;
    throw new AwsError("ResourceNotFoundException", `Event bus ${busName(nameOrArn)} does not exist.`);
  };

  return {
    find,
    get,
    rule: (name, busNameOrArn) => {
      const bus = get(busNameOrArn);
      const rule = bus.rules.get(name ?? "");
      if (rule) return rule;
      throw new AwsError("ResourceNotFoundException", `Rule ${name} does not exist on EventBus ${bus.name}.`);
    },
    create: (name, description) => {
      if (buses.has(name)) {
        throw new AwsError("ResourceAlreadyExistsException", `Event bus ${name} already exists.`);
      }
      return add(name, description);
    },
    delete: (name) => buses.delete(name),
    all: () => [...buses.values()],
  };
}

function busName(nameOrArn: string | undefined): string {
  if (!nameOrArn) return DEFAULT_BUS;
  return nameOrArn.startsWith("arn:") ? nameOrArn.slice(nameOrArn.indexOf("/") + 1) : nameOrArn;
}

/**
 * One page of things sorted by name, `limit` at most, and the token of the next page if there is one.
 * @throws AwsError ValidationException for a token that no page gave.
 */
export function pageByName<T extends { readonly name: string }>(
  things: Iterable<T>,
  options: { prefix?: string | undefined; limit?: number | undefined; nextToken?: string | undefined },
): { page: T[]; nextToken: string | undefined } {
  const { prefix = "", limit = 100 } = options;
  const { items, nextToken } = pageNames(
    [...things].filter(({ name }) => name.startsWith(prefix)),
    { size: limit, token: options.nextToken },
    () => new AwsError("ValidationException", "The NextToken was not given by this operation."),
  );
  return { page: items, nextToken };
}
