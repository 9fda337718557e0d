import * as schemas from "@aws-sdk/client-eventbridge";
import type { RoleSession } from "../iam/index.ts";
import { grantsForeigner } from "../iam/resource-policy.ts";
import type { InvokeFunction } from "../invoke-door.ts";
import type { Service } from "../service.ts";
import type { ServiceEvent, World } from "../world.ts";
import { createBusOperations } from "./bus-operations.ts";
import { createBuses, type EventBus, type Rule } from "./buses.ts";
import { type BusEvent, createDelivery, type DroppedEvent } from "./delivery.ts";
import { createEventEntrance } from "./put-events.ts";
import { createRuleOperations } from "./rule-operations.ts";
import { createTargetOperations } from "./target-operations.ts";

export type { DroppedEvent } from "./delivery.ts";
export { compilePattern } from "./pattern.ts";
export { checkTargetInput, renderTargetInput } from "./transformer.ts";

/** What EventBridge needs of the other services. */
export interface EventBridgeOptions {
  readonly invoke: InvokeFunction;
  /** Starts an execution of the state machine under a name of its own; rejects with AwsError. */
  readonly startExecution: (stateMachineArn: string, input: string, as: RoleSession) => Promise<unknown>;
  /** Puts an event on a bus of another account. @returns why it was not taken, if it was not. There is no other account unless given. */
  readonly forwardAbroad?: (busArn: string, event: BusEvent) => string | undefined;
  /** Told of every event that a target did not get. Nothing else tells, in AWS neither. */
  readonly onDropped?: (dropped: DroppedEvent) => void;
}

/** EventBridge with its buses, rules and schedules. */
export interface EventBridge extends Service {
  /** Puts an event of an AWS service on the default bus. Never throws. */
  putServiceEvent(event: ServiceEvent): void;
  /**
   * Takes an event that a rule of another account forwards, if the bus's policy lets that account put it there.
   * @returns why not, if it does not.
   */
  receive(busArn: string, event: BusEvent, fromAccountId: string): string | undefined;
  /**
   * Begins to deliver and starts the schedules; until then events wait. To be called once everything is there that
   * they go to, in a world that keeps things; any other is open from the beginning.
   */
  open(): void;
  /** Resolves when every event has been delivered or dropped, retries included. */
  idle(): Promise<void>;
  /** Ends schedules and gives up retries. */
  stop(): Promise<void>;
}

/** Makes EventBridge: events go to Lambda functions and state machines beside whoever put them. */
export function createEventBridge(world: World, options: EventBridgeOptions): EventBridge {
  const onDropped = options.onDropped ?? (() => {});
  const buses = createBuses(world);
  const delivery = createDelivery(world, {
    invoke: options.invoke,
    startExecution: options.startExecution,
    forward: (busArn, event) => {
      if (busArn.split(":")[4] === world.accountId) return takeFrom(buses.find(busArn), busArn, event);
      return options.forwardAbroad === undefined
        ? `${busArn} is of another account than ${world.accountId}`
        : options.forwardAbroad(busArn, event);
    },
    onDropped,
  });
  const takeFrom = (bus: EventBus | undefined, busArn: string, event: BusEvent): string | undefined => {
    if (bus === undefined) return `${busArn} does not exist`;
    entrance.forward(bus, event);
    return undefined;
  };

  const entrance = createEventEntrance(world, buses, delivery, onDropped);
  const schedules = new Map<string, () => void>();
  let isOpen = world.store === undefined;

  const endSchedule = (rule: Rule) => {
    schedules.get(rule.arn)?.();
    schedules.delete(rule.arn);
  };

  const fire = (rule: Rule) => {
    const event = entrance.scheduled(rule.arn);
    for (const target of rule.targets.values()) delivery.deliver(rule, target, event, false);
  };

  const onChange = (rule: Rule) => {
    endSchedule(rule);
    if (isOpen && rule.enabled && rule.schedule) {
      schedules.set(
        rule.arn,
        rule.schedule.start(world.clock, () => fire(rule)),
      );
    }
  };

  return {
    target: "AWSEvents",
    protocol: "json1.1",
    schemas,
    operations: {
      ...createBusOperations(buses, (bus) => bus.rules.forEach(endSchedule)),
      ...createRuleOperations(world, buses, onChange, endSchedule),
      ...createTargetOperations(buses),
      ...entrance.operations,
    },
    putServiceEvent: (event) => entrance.put(buses.get(undefined), event),
    receive: (busArn, event, accountId) => {
      const bus = buses.find(busArn);
      const keys = { "events:source": event.source, "events:detail-type": event["detail-type"] };
      const isGranted = grantsForeigner(bus?.policy, { accountId, action: "events:PutEvents", keys });
      return isGranted
        ? takeFrom(bus, busArn, event)
        : `${busArn} does not let the account ${accountId} put ${event["detail-type"]} of ${event.source}`;
    },
    open: () => {
      isOpen = true;
      for (const { rules } of buses.all()) rules.forEach(onChange);
      delivery.open();
    },
    idle: delivery.idle,
    stop: async () => {
      for (const end of schedules.values()) end();
      schedules.clear();
      delivery.stop();
    },
  };
}
