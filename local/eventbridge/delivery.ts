import { type Clock, sleep } from "../asl/clock.ts";
import { createAsynchronousInvocations } from "../asynchronous-invocation.ts";
import { demand } from "../iam/demand.ts";
import { authorizeRole, type RoleSession } from "../iam/index.ts";
import type { InvokeFunction } from "../invoke-door.ts";
import { AwsError } from "../service.ts";
import { keptIn } from "../store.ts";
import type { World } from "../world.ts";
import type { Rule, RuleTarget } from "./buses.ts";
import { renderTargetInput } from "./transformer.ts";

/** An event as it travels on a bus. */
export interface BusEvent extends Readonly<Record<string, unknown>> {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  /** ISO 8601 in seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: unknown;
}

/** An event that did not reach a target (or any), and why. It carries no content of the event. */
export interface DroppedEvent {
  readonly eventId: string;
  readonly source: string;
  readonly detailType: string;
  /** Absent when the event reached no rule: its bus does not exist. */
  readonly ruleName?: string;
  readonly targetArn?: string;
  readonly reason: string;
}

/** What EventBridge hands events to. */
export interface Destinations {
  readonly invoke: InvokeFunction;
  /** Starts an execution with a name of EventBridge's own; rejects with AwsError. */
  readonly startExecution: (stateMachineArn: string, input: string, as: RoleSession) => Promise<unknown>;
  /** Puts an event on another bus, of this account or another. @returns why it was not taken, if it was not. */
  readonly forward: (busArn: string, event: BusEvent) => string | undefined;
  readonly onDropped: (dropped: DroppedEvent) => void;
}

/** The kinds of targets that exist locally, by their ARN. */
export function targetKind(targetArn: string): "function" | "state-machine" | "bus" | undefined {
  if (/^arn:[^:]+:lambda:[^:]+:\d{12}:function:./.test(targetArn)) return "function";
  if (/^arn:[^:]+:states:[^:]+:\d{12}:stateMachine:./.test(targetArn)) return "state-machine";
  return /^arn:[^:]+:events:[^:]+:\d{12}:event-bus\/./.test(targetArn) ? "bus" : undefined;
}

/** What a delivery needs to know of its rule. */
type DeliveringRule = Pick<Rule, "name" | "arn">;

interface KeptDelivery {
  readonly rule: DeliveringRule;
  readonly target: RuleTarget;
  readonly event: BusEvent;
  readonly forwarded: boolean;
}

/** Brings events to targets, beside whoever put them. */
export interface Delivery {
  /** An event that was `forwarded` from another bus is not forwarded again, so that buses cannot send it in circles. */
  deliver(rule: DeliveringRule, target: RuleTarget, event: BusEvent, forwarded: boolean): void;
  /** Begins to deliver. Until then events wait, and those that an earlier process took and did not deliver. */
  open(): void;
  /** Resolves when everything has been delivered or dropped, retries included. */
  idle(): Promise<void>;
  stop(): void;
}

/** Retry policy when a target has none (AWS documentation, "event retry policy"). */
const DEFAULT_RETRY_ATTEMPTS = 185;
const DEFAULT_EVENT_AGE_SECONDS = 86_400;
const FIRST_RETRY_MILLISECONDS = 1000;
const LONGEST_RETRY_MILLISECONDS = 900_000;

/**
 * Makes the delivery of one EventBridge. What it has taken is kept until it is delivered or dropped, so a target may
 * get an event twice, as in AWS, and never not at all. Where nothing is kept it is open from the beginning.
 */
export function createDelivery(world: World, destinations: Destinations): Delivery {
  const { clock } = world;
  const stopping = new AbortController();
  const underway = new Set<Promise<void>>();
  const kept = keptIn<KeptDelivery>(world, "events/deliveries");
  let isOpen = world.store === undefined;

  const deliverOnce: (...delivered: Parameters<Delivery["deliver"]>) => Promise<void> = async (
    rule,
    target,
    event,
    forwarded,
  ) => {
    const drop = (reason: string) =>
      destinations.onDropped({ ...describe(event), ruleName: rule.name, targetArn: target.Arn, reason });
    const kind = targetKind(target.Arn);
    if (kind === "bus") {
      if (forwarded) return drop("the event already came from another bus, and buses forward events once");
      const as = { roleArn: target.RoleArn, sessionName: rule.name };
      authorizeRole(world, as, demand("events:PutEvents", target.Arn));
      const refusal = destinations.forward(target.Arn, event);
      return refusal === undefined ? undefined : drop(refusal);
    }
    const input = renderTargetInput(targetInput(target), event, {
      ruleArn: rule.arn,
      ruleName: rule.name,
      ingestionTime: event.time,
    });
    if (input === undefined) return drop("the target's input does not make JSON of this event");
    if (kind === "function") {
      const invocations = createAsynchronousInvocations(clock, destinations.invoke, ({ attempts, reason }) =>
        drop(`the function failed ${attempts} times, last with ${reason}`),
      );
      stopping.signal.addEventListener("abort", invocations.stop, { once: true });
      await invocations.submit(target.Arn, input);
      stopping.signal.removeEventListener("abort", invocations.stop);
      return;
    }
    const failure = await retry(clock, stopping.signal, target, () =>
      destinations.startExecution(target.Arn, input, { roleArn: target.RoleArn, sessionName: rule.name }),
    );
    if (failure) drop(failure);
  };

  const deliver: Delivery["deliver"] = (rule, target, event, forwarded) => {
    if (stopping.signal.aborted) return;
    const key = `${event.id} ${rule.arn} ${target.Id}`;
    kept.put(key, { rule: { name: rule.name, arn: rule.arn }, target, event, forwarded });
    if (isOpen) begin(key, rule, target, event, forwarded);
  };

  const begin = (key: string, ...delivered: Parameters<Delivery["deliver"]>) => {
    const [rule, target, event] = delivered;
    // Deferred, so that whoever put the event goes on before its targets begin.
    const work: Promise<void> = Promise.resolve()
      .then(() => deliverOnce(...delivered))
      .catch((error: unknown) => {
        destinations.onDropped({
          ...describe(event),
          ruleName: rule.name,
          targetArn: target.Arn,
          reason: String(error),
        });
      })
      .finally(() => {
        kept.delete(key);
        underway.delete(work);
      });
    underway.add(work);
  };

  const open = () => {
    if (isOpen) return;
    isOpen = true;
    for (const [key, { rule, target, event, forwarded }] of kept.entries())
      begin(key, rule, target, event, forwarded);
  };

  const idle = async () => {
    while (underway.size > 0) await Promise.all(underway);
  };

  return { deliver, open, idle, stop: () => stopping.abort(new Error("The local AWS is stopping.")) };
}

/** What identifies an event in a report. */
export function describe(event: BusEvent): Pick<DroppedEvent, "eventId" | "source" | "detailType"> {
  return { eventId: event.id, source: event.source, detailType: event["detail-type"] };
}

/** The part of an SDK target that shapes its input. */
export function targetInput(target: RuleTarget) {
  const { Input, InputPath, InputTransformer } = target;
  const inputTransformer =
    InputTransformer?.InputTemplate === undefined
      ? undefined
      : { inputPathsMap: InputTransformer.InputPathsMap, inputTemplate: InputTransformer.InputTemplate };
  return { input: Input, inputPath: InputPath, inputTransformer };
}

/** Tries until it works, the policy is exhausted or the error is one that retrying cannot mend; returns why it failed. */
async function retry(
  clock: Clock,
  signal: AbortSignal,
  target: RuleTarget,
  attempt: () => Promise<unknown>,
): Promise<string | undefined> {
  const retries = target.RetryPolicy?.MaximumRetryAttempts ?? DEFAULT_RETRY_ATTEMPTS;
  const ageSeconds = target.RetryPolicy?.MaximumEventAgeInSeconds ?? DEFAULT_EVENT_AGE_SECONDS;
  const deadline = clock.now() + ageSeconds * 1000;
  let delay = FIRST_RETRY_MILLISECONDS;
  for (let tried = 1; ; tried++) {
    try {
      await attempt();
      return undefined;
    } catch (error) {
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      if (!isRetryable(error)) return reason;
      if (tried > retries || clock.now() + delay > deadline)
        return `gave up after ${tried} attempts, last with ${reason}`;
    }
    const isStopped = await sleep(clock, delay, signal).then(
      () => false,
      () => true,
    );
    if (isStopped) return undefined;
    delay = Math.min(delay * 2, LONGEST_RETRY_MILLISECONDS);
  }
}

function isRetryable(error: unknown): boolean {
  if (!(error instanceof AwsError) || error.status >= 500) return true;
  return error.name === "ThrottlingException" || error.name === "ExecutionLimitExceeded";
}
