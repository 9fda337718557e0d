import type * as eventbridge from "@aws-sdk/client-eventbridge";
import { type Demands, demand } from "../demand.ts";

interface OfRule {
  readonly Name?: string | undefined;
  readonly Rule?: string | undefined;
  readonly EventBusName?: string | undefined;
}

/** What operations of EventBridge need. */
export function eventsDemands(arn: (service: string, resource: string) => string): Demands {
  const bus = (nameOrArn = "default") =>
    nameOrArn.startsWith("arn:") ? nameOrArn : arn("events", `event-bus/${nameOrArn}`);
  const ofRule =
    (action: string) =>
    ({ Name, Rule, EventBusName }: OfRule) => {
      const of = bus(EventBusName).split("/").at(-1);
      return demand(action, arn("events", `rule/${of === "default" ? "" : `${of}/`}${Name ?? Rule ?? ""}`));
    };
  const ofBus =
    (action: string) =>
    ({ Name }: { Name?: string | undefined }) =>
      demand(action, bus(Name));
  return {
    PutEvents: ({ Entries = [] }: Partial<eventbridge.PutEventsCommandInput>) =>
      demand("events:PutEvents", ...new Set(Entries.map(({ EventBusName }) => bus(EventBusName)))),
    CreateEventBus: ofBus("events:CreateEventBus"),
    DeleteEventBus: ofBus("events:DeleteEventBus"),
    DescribeEventBus: ofBus("events:DescribeEventBus"),
    DeleteRule: ofRule("events:DeleteRule"),
    DescribeRule: ofRule("events:DescribeRule"),
    DisableRule: ofRule("events:DisableRule"),
    EnableRule: ofRule("events:EnableRule"),
    ListTargetsByRule: ofRule("events:ListTargetsByRule"),
    PutRule: ofRule("events:PutRule"),
    PutTargets: ofRule("events:PutTargets"),
    RemoveTargets: ofRule("events:RemoveTargets"),
  };
}
