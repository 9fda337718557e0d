import type {
  DeleteRuleCommandInput,
  DeleteRuleCommandOutput,
  DescribeRuleCommandInput,
  DescribeRuleCommandOutput,
  DisableRuleCommandInput,
  DisableRuleCommandOutput,
  EnableRuleCommandInput,
  EnableRuleCommandOutput,
  ListRulesCommandInput,
  ListRulesCommandOutput,
  PutRuleCommandInput,
  PutRuleCommandOutput,
} from "@aws-sdk/client-eventbridge";
import { AwsError, type Operation } from "../service.ts";
import { arn, type World } from "../world.ts";
import { type Buses, DEFAULT_BUS, type EventBus, pageByName, type Rule } from "./buses.ts";
import { compilePattern } from "./pattern.ts";
import { parseSchedule } from "./schedule.ts";

const RULES_LIMIT = 300;
const PATTERN_LIMIT_CHARACTERS = 2048;

/** The operations on rules. `onChange` is called when a rule was put, enabled or disabled, `onDelete` when it is gone. */
export function createRuleOperations(
  world: World,
  buses: Buses,
  onChange: (rule: Rule) => void,
  onDelete: (rule: Rule) => void,
) {
  const PutRule: Operation<PutRuleCommandInput, PutRuleCommandOutput> = (input) => {
    const bus = buses.get(input.EventBusName);
    const rule = bus.rules.get(input.Name ?? "") ?? newRule(world, bus, input.Name ?? "");
    const compiled = compile(input, bus);
    Object.assign(rule, compiled, {
      description: input.Description,
      roleArn: input.RoleArn,
      enabled: isEnabled(input.State),
    });
    bus.rules.set(rule.name, rule);
    buses.keep(bus.name);
    onChange(rule);
    return { RuleArn: rule.arn };
  };

  const DescribeRule: Operation<DescribeRuleCommandInput, DescribeRuleCommandOutput> = (input) => ({
    ...shown(buses.rule(input.Name, input.EventBusName)),
    CreatedBy: world.accountId,
  });

  const ListRules: Operation<ListRulesCommandInput, ListRulesCommandOutput> = (input) => {
    const { page, nextToken } = pageByName(buses.get(input.EventBusName).rules.values(), {
      prefix: input.NamePrefix,
      limit: input.Limit,
      nextToken: input.NextToken,
    });
    return { Rules: page.map(shown), NextToken: nextToken };
  };

  const setEnabled = (name: string | undefined, busName: string | undefined, enabled: boolean) => {
    const rule = buses.rule(name, busName);
    if (rule.enabled === enabled) return {};
    rule.enabled = enabled;
    buses.keep(rule.busName);
    onChange(rule);
    return {};
  };

  const EnableRule: Operation<EnableRuleCommandInput, EnableRuleCommandOutput> = ({ Name, EventBusName }) =>
    setEnabled(Name, EventBusName, true);

  const DisableRule: Operation<DisableRuleCommandInput, DisableRuleCommandOutput> = ({
    Name,
    EventBusName,
  }) => setEnabled(Name, EventBusName, false);

  const DeleteRule: Operation<DeleteRuleCommandInput, DeleteRuleCommandOutput> = (input) => {
    const bus = buses.get(input.EventBusName);
    const rule = bus.rules.get(input.Name ?? "");
    if (!rule) return {};
    if (rule.targets.size > 0) {
      throw new AwsError("ValidationException", "Rule can't be deleted since it has targets.");
    }
    bus.rules.delete(rule.name);
    buses.keep(bus.name);
    onDelete(rule);
    return {};
  };

  return { PutRule, DescribeRule, ListRules, EnableRule, DisableRule, DeleteRule };
}

function newRule(world: World, bus: EventBus, name: string): Rule {
  if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name)) {
    throw new AwsError(
      "ValidationException",
      `Rule name ${name} must match [.\\-_A-Za-z0-9]+ with 64 characters at most.`,
    );
  }
  if (bus.rules.size >= RULES_LIMIT) {
    throw new AwsError(
      "LimitExceededException",
      `The requested resource exceeds the maximum number allowed: ${RULES_LIMIT} rules per event bus.`,
    );
  }
  const path = bus.name === DEFAULT_BUS ? name : `${bus.name}/${name}`;
  return {
    name,
    arn: arn(world, "events", `rule/${path}`),
    busName: bus.name,
    description: undefined,
    roleArn: undefined,
    eventPattern: undefined,
    pattern: undefined,
    scheduleExpression: undefined,
    schedule: undefined,
    enabled: true,
    targets: new Map(),
  };
}

function compile(input: PutRuleCommandInput, bus: EventBus) {
  const { EventPattern, ScheduleExpression } = input;
  if (!EventPattern && !ScheduleExpression) {
    throw new AwsError(
      "ValidationException",
      "Parameter(s) EventPattern or ScheduleExpression must be specified.",
    );
  }
  if (ScheduleExpression && bus.name !== DEFAULT_BUS) {
    throw new AwsError(
      "ValidationException",
      "ScheduleExpression is supported only on the default event bus.",
    );
  }
  if (EventPattern && EventPattern.length > PATTERN_LIMIT_CHARACTERS) {
    throw new AwsError(
      "LimitExceededException",
      `An event pattern may have ${PATTERN_LIMIT_CHARACTERS} characters; this one has ${EventPattern.length}.`,
    );
  }
  return {
    eventPattern: EventPattern,
    pattern: EventPattern ? compilePattern(EventPattern) : undefined,
    scheduleExpression: ScheduleExpression,
    schedule: ScheduleExpression ? parseSchedule(ScheduleExpression) : undefined,
  };
}

function isEnabled(state: string | undefined): boolean {
  if (state === undefined || state === "ENABLED") return true;
  if (state === "DISABLED") return false;
  throw new AwsError(
    "ValidationException",
    `The local AWS knows the rule states ENABLED and DISABLED, not ${state}.`,
  );
}

function shown(rule: Rule) {
  return {
    Name: rule.name,
    Arn: rule.arn,
    EventPattern: rule.eventPattern,
    ScheduleExpression: rule.scheduleExpression,
    State: rule.enabled ? ("ENABLED" as const) : ("DISABLED" as const),
    Description: rule.description,
    RoleArn: rule.roleArn,
    EventBusName: rule.busName,
  };
}
