import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from "@aws-sdk/client-cloudwatch";
import { clientOf } from "../../aws/clients.ts";
import type { AlarmChange } from "./plan.ts";
import type { SimulatedWorld } from "./world.ts";

type World = Pick<SimulatedWorld, "connection">;

/** Makes every alarm that changes later; each is OK. */
export async function createAlarms(world: World, changes: readonly AlarmChange[]): Promise<void> {
  const client = clientOf(CloudWatchClient, world.connection.client);
  const rule = { ComparisonOperator: "GreaterThanThreshold", EvaluationPeriods: 1, Threshold: 1 } as const;
  for (const alarm of new Set(changes.map((change) => change.alarm))) {
    await client.send(new PutMetricAlarmCommand({ AlarmName: alarm, ...rule }));
    await setAlarm(world, { alarm, state: "OK" });
  }
}

export async function setAlarm(
  { connection }: World,
  { alarm: AlarmName, state: StateValue }: Omit<AlarmChange, "at">,
): Promise<void> {
  const StateReason = "as the plan says";
  const client = clientOf(CloudWatchClient, connection.client);
  await client.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason }));
}
