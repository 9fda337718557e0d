import type {
  DeleteAlarmsCommandInput,
  DescribeAlarmsCommandInput,
  DescribeAlarmsCommandOutput,
  Dimension,
  GetMetricDataCommandInput,
  GetMetricDataCommandOutput,
  MetricAlarm,
  MetricDataQuery,
  PutMetricAlarmCommandInput,
  SetAlarmStateCommandInput,
} from "@aws-sdk/client-cloudwatch";
import * as schemas from "@aws-sdk/client-cloudwatch";
import { createMetricStore } from "./cloudwatch/metrics.ts";
import { createPaginator } from "./pagination.ts";
import { AwsError, type Operation, type Service } from "./service.ts";
import { keptIn } from "./store.ts";
import { arn, type World } from "./world.ts";

/** Where services count what happens to them. Implemented by the CloudWatch service. */
export interface MetricSink {
  count(namespace: string, metric: string, dimensions: Readonly<Record<string, string>>, value: number): void;
}

/**
 * CloudWatch, as far as alarms are kept and metrics of the local services read. Nothing is evaluated: an alarm changes
 * its state by SetAlarmState alone.
 */
export interface CloudWatch extends Service, MetricSink {}

const STATES = ["OK", "ALARM", "INSUFFICIENT_DATA"] as const;

/** Makes CloudWatch. */
export function createCloudWatch(world: World): CloudWatch {
  const kept = keptIn<MetricAlarm>(world, "cloudwatch/alarms");
  const alarms = new Map(kept.entries());
  const metrics = createMetricStore(world.clock);
  const paginate = createPaginator(
    world.clock,
    () => new AwsError("InvalidNextToken", "The NextToken was not given for this request."),
  );

  const put = (alarm: MetricAlarm) => {
    alarms.set(alarm.AlarmName ?? "", alarm);
    kept.put(alarm.AlarmName ?? "", alarm);
  };

  const PutMetricAlarm: Operation<PutMetricAlarmCommandInput, object> = (input) => {
    const { AlarmName = "", Tags: _, ...settings } = input;
    const now = new Date(world.clock.now());
    const state = alarms.get(AlarmName) ?? {
      StateValue: "INSUFFICIENT_DATA" as const,
      StateReason: "Unchecked: Initial alarm creation",
      StateUpdatedTimestamp: now,
      StateTransitionedTimestamp: now,
    };
    put({
      ...state,
      ...settings,
      AlarmName,
      AlarmArn: arn(world, "cloudwatch", `alarm:${AlarmName}`),
      AlarmConfigurationUpdatedTimestamp: now,
      ActionsEnabled: settings.ActionsEnabled ?? true,
    });
    return {};
  };

  const SetAlarmState: Operation<SetAlarmStateCommandInput, object> = (input) => {
    const { AlarmName = "", StateReason, StateReasonData } = input;
    const StateValue = STATES.find((state) => state === input.StateValue);
    const alarm = alarms.get(AlarmName);
    if (StateValue === undefined)
      throw new AwsError("InvalidParameterValue", `StateValue is one of ${STATES.join(", ")}.`);
    if (alarm === undefined)
      throw new AwsError("ResourceNotFound", `There is no alarm named ${AlarmName}.`, { status: 404 });
    const now = new Date(world.clock.now());
    put({
      ...alarm,
      StateValue,
      StateReason,
      StateReasonData,
      StateUpdatedTimestamp: now,
      ...(alarm.StateValue === StateValue ? {} : { StateTransitionedTimestamp: now }),
    });
    return {};
  };

  const DescribeAlarms: Operation<DescribeAlarmsCommandInput, DescribeAlarmsCommandOutput> = (input) => {
    const { AlarmNames, AlarmNamePrefix = "", StateValue, MaxRecords = 50, NextToken } = input;
    const matching = [...alarms.values()]
      .filter(({ AlarmName = "" }) => AlarmNames?.includes(AlarmName) ?? true)
      .filter(({ AlarmName = "" }) => AlarmName.startsWith(AlarmNamePrefix))
      .filter((alarm) => StateValue === undefined || alarm.StateValue === StateValue)
      .toSorted((one, other) => ((one.AlarmName ?? "") < (other.AlarmName ?? "") ? -1 : 1));
    const wants = input.AlarmTypes === undefined || input.AlarmTypes.includes("MetricAlarm");
    const page = paginate(wants ? matching : [], {
      of: [AlarmNames, AlarmNamePrefix, StateValue],
      key: ({ AlarmName = "" }) => AlarmName,
      size: MaxRecords,
      token: NextToken,
    });
    return { MetricAlarms: page.items, CompositeAlarms: [], NextToken: page.nextToken };
  };

  const DeleteAlarms: Operation<DeleteAlarmsCommandInput, object> = ({ AlarmNames = [] }) => {
    for (const name of AlarmNames) {
      alarms.delete(name);
      kept.delete(name);
    }
    return {};
  };

  const GetMetricData: Operation<GetMetricDataCommandInput, GetMetricDataCommandOutput> = ({
    MetricDataQueries = [],
    StartTime,
    EndTime,
  }) => {
    const between = { from: StartTime?.getTime() ?? 0, to: EndTime?.getTime() ?? 0 };
    if (between.from >= between.to)
      throw new AwsError("InvalidParameterValue", "The parameter StartTime must be less than EndTime.");
    return { MetricDataResults: MetricDataQueries.map((query) => answer(query, between)), Messages: [] };
  };

  function answer(query: MetricDataQuery, between: { from: number; to: number }) {
    const { Id, Label, MetricStat } = query;
    const { Metric, Period = 60, Stat } = MetricStat ?? {};
    if (Metric === undefined || Stat !== "Sum")
      throw new AwsError(
        "ValidationError",
        "The local AWS answers queries of one metric with the statistic Sum.",
      );
    const { Namespace = "", MetricName = "", Dimensions = [] } = Metric;
    const points = metrics.sums(Namespace, MetricName, asRecord(Dimensions), {
      ...between,
      periodSeconds: Period,
    });
    return {
      Id,
      Label: Label ?? MetricName,
      Timestamps: points.map(({ at }) => new Date(at)),
      Values: points.map(({ sum }) => sum),
      StatusCode: "Complete" as const,
    };
  }

  return {
    target: "GraniteServiceVersion20100801",
    protocol: "json1.0",
    schemas,
    operations: { PutMetricAlarm, SetAlarmState, DescribeAlarms, DeleteAlarms, GetMetricData },
    count: metrics.count,
  };
}

function asRecord(dimensions: readonly Dimension[]): Record<string, string> {
  return Object.fromEntries(dimensions.map(({ Name = "", Value = "" }) => [Name, Value]));
}
