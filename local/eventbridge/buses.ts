import type { Target } from "@aws-sdk/client-eventbridge";
import { pageByName as pageNames } from "../pagination.ts";
import { AwsError } from "../service.ts";
import { keptIn } from "../store.ts";
import { arn, type World } from "../world.ts";
import { type CompiledPattern, compilePattern } from "./pattern.ts";
import { parseSchedule, type Schedule } from "./schedule.ts";

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
  /** The text of the policy by which other accounts may put events on it. */
  policy?: string;
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
  /** To be called when a bus, its rules or their targets have changed. */
  keep(name: string): void;
}

/** A rule as it is kept: what its expressions were compiled to is made again. */
type KeptRule = Omit<Rule, "pattern" | "schedule">;
type KeptBus = Omit<EventBus, "rules"> & { readonly rules: ReadonlyMap<string, KeptRule> };

export const DEFAULT_BUS = "default";

/** Makes the account's buses, with what an earlier process kept of them. */
export function createBuses(world: World): Buses {
  const kept = keptIn<KeptBus>(world, "events/buses");
  const buses = new Map(kept.entries().map(([name, bus]) => [name, revive(bus)]));

  const add = (name: string, description: string | undefined): EventBus => {
    const bus: EventBus = {
      name,
      arn: arn(world, "events", `event-bus/${name}`),
      description,
      createdAt: new Date(world.clock.now()),
      rules: new Map(),
    };
    buses.set(name, bus);
    keep(name);
    return bus;
  };

  const keep = (name: string) => {
    const bus = buses.get(name);
    if (bus === undefined) return;
    const rules = [...bus.rules].map(
      ([ruleName, { pattern: _, schedule: __, ...rule }]): [string, KeptRule] => [ruleName, rule],
    );
    kept.put(name, { ...bus, rules: new Map(rules) });
  };
  if (!buses.has(DEFAULT_BUS)) add(DEFAULT_BUS, undefined);

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
    delete: (name) => {
      buses.delete(name);
      kept.delete(name);
    },
    all: () => [...buses.values()],
    keep,
  };
}

function revive({ rules, ...bus }: KeptBus): EventBus {
  const revived = [...rules].map(([name, rule]): [string, Rule] => [
    name,
    {
      ...rule,
      pattern: rule.eventPattern ? compilePattern(rule.eventPattern) : undefined,
      schedule: rule.scheduleExpression ? parseSchedule(rule.scheduleExpression) : undefined,
    },
  ]);
  return { ...bus, rules: new Map(revived) };
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
