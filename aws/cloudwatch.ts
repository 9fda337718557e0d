import { CloudWatchClient, DescribeAlarmsCommand, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import type { AlarmSeen, Traffic } from "../core/bake.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

export type CloudWatch = ReturnType<typeof connectCloudWatch>;

/** CloudWatch, as a bake asks it: do alarms ring, and how did a target's requests end. */
export function connectCloudWatch({ client }: Pick<Connection, "client">) {
  const cloudwatch = clientOf(CloudWatchClient, client);
  return {
    /** The alarms of these names, metric alarms and composite ones, in this order; one that is not there is MISSING. */
    async alarms(names: readonly string[]): Promise<AlarmSeen[]> {
      if (names.length === 0) return [];
      const { MetricAlarms = [], CompositeAlarms = [] } = await call("look at the alarms", () =>
        cloudwatch.send(
          new DescribeAlarmsCommand({
            AlarmNames: [...names],
            AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
            MaxRecords: 100,
          }),
        ),
      );
      const found = [...MetricAlarms, ...CompositeAlarms];
      return names.map((name) => {
        const alarm = found.find(({ AlarmName }) => AlarmName === name);
        if (alarm === undefined) return { name, state: "MISSING" };
        const since = (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp)?.getTime();
        return {
          name,
          state: alarm.StateValue ?? "INSUFFICIENT_DATA",
          ...(since === undefined ? {} : { since }),
        };
      });
    },

    /**
     * How many requests an App Runner service answered since then, and how many of them with 5xx.
     * @param serviceArn `…:service/NAME/ID`.
     * @param since from the next whole minute on, milliseconds since the epoch: a minute is counted whole.
     */
    async traffic(serviceArn: string, since: number, now: number): Promise<Traffic> {
      const [ServiceName = "", ServiceID = ""] = serviceArn.split("/").slice(-2);
      const query = (Id: string, MetricName: string) => ({
        Id,
        MetricStat: {
          Metric: {
            Namespace: "AWS/AppRunner",
            MetricName,
            Dimensions: [
              { Name: "ServiceName", Value: ServiceName },
              { Name: "ServiceID", Value: ServiceID },
            ],
          },
          Period: 60,
          Stat: "Sum",
        },
      });
      const StartTime = new Date(Math.ceil(since / 60_000) * 60_000);
      if (StartTime.getTime() >= now) return { requests: 0, errors: 0 };
      const sums = { requests: 0, errors: 0 };
      let NextToken: string | undefined;
      do {
        const page = await call("count the requests", () =>
          cloudwatch.send(
            new GetMetricDataCommand({
              MetricDataQueries: [query("requests", "Requests"), query("errors", "5xxStatusResponses")],
              StartTime,
              EndTime: new Date(now),
              ...(NextToken === undefined ? {} : { NextToken }),
            }),
          ),
        );
        for (const { Id, Values = [] } of page.MetricDataResults ?? []) {
          const sum = Values.reduce((sum, value) => sum + value, 0);
          if (Id === "requests") sums.requests += sum;
          if (Id === "errors") sums.errors += sum;
        }
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return sums;
    },
  };
}
