import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { countAlarms } from "../../bench/cost.ts";
import { parseConfig } from "../../core/config.ts";
import { metricNames } from "../../core/metrics.ts";
import { describeApplication } from "../../infra/application.ts";
import config from "../../spillway.config.ts";
import { createWorld } from "../simulation/world.ts";
import { platformMissing } from "./platform.ts";
import type { Inputs } from "./pulumi.ts";

/** A metric as CloudWatch knows it: `NAMESPACE METRIC DIMENSION=VALUE`. */
const named = (namespace: string, metric: string, dimension: string, value: string) =>
  `${namespace} ${metric} ${dimension}=${value}`;

/** The metrics of AWS's own services that are read here, with their one dimension (AWS documentation of each service). */
const ofAws: Readonly<Record<string, readonly string[]>> = {
  "AWS/CodeBuild ProjectName": ["Duration"],
  "AWS/Lambda FunctionName": ["Errors", "Invocations"],
  "AWS/SQS QueueName": ["ApproximateNumberOfMessagesVisible"],
  "AWS/States StateMachineArn": ["ExecutionTime", "ExecutionsTimedOut"],
};

const title = "what watches over an installation";

describe.skipIf(platformMissing)(
  platformMissing === undefined ? title : `${title} (${platformMissing})`,
  () => {
    const namespace = "Spillway/spillway-production";
    /** Every metric that functions of ours counted in a world where releases end well and not so well. */
    const counted = new Set<string>();
    let alarms: readonly { readonly name: string; readonly inputs: Inputs }[] = [];
    let widgets: readonly Inputs[] = [];
    /** The names of things that metrics are about. */
    let things: readonly string[] = [];
    /** The names under which functions count. */
    let services: readonly string[] = [];

    beforeAll(async () => {
      vi.stubEnv("POWERTOOLS_METRICS_DISABLED", "false");
      vi.stubEnv("POWERTOOLS_METRICS_NAMESPACE", namespace);
      const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
        for (const line of String(text).split("\n")) if (line.includes("_aws")) keep(JSON.parse(line));
        return true;
      });
      const world = await createWorld();
      await world.release("aaaaaaa");
      // Nothing to go back to, and not healthy: a person must look.
      await world.deploy({ service: "web", environment: "production", intent: "promote", release: "none" });
      await world.clock.advance(11 * 60_000);
      await world.close();
      const worse = await createWorld();
      await worse.release("aaaaaaa", { healthStatus: 500 });
      await worse.close();
      write.mockRestore();
      vi.unstubAllEnvs();
      const { runApp } = await import("./pulumi.ts");
      const { resources } = await runApp({ stage: "production" });
      const inputs = (type: string) => resources.filter((resource) => resource.type === type);
      alarms = inputs("aws:cloudwatch/metricAlarm:MetricAlarm");
      const [dashboard] = inputs("aws:cloudwatch/dashboard:Dashboard");
      widgets = JSON.parse(dashboard?.inputs.dashboardBody).widgets;
      services = inputs("aws:lambda/function:Function").map(({ inputs: { environment } }) => {
        const variables = environment.variables.value ?? environment.variables;
        return variables.POWERTOOLS_SERVICE_NAME;
      });
      things = [
        ...inputs("aws:lambda/function:Function"),
        ...inputs("aws:sqs/queue:Queue"),
        ...inputs("aws:codebuild/project:Project"),
        ...inputs("aws:sfn/stateMachine:StateMachine"),
      ].map(({ type, inputs: { name } }) =>
        type.startsWith("aws:sfn") ? `arn:aws:states:eu-central-1:123456789012:stateMachine:${name}` : name,
      );
    }, 120_000);
    afterAll(() => vi.restoreAllMocks());

    function keep({ _aws, service }: Inputs): void {
      const [{ Namespace, Dimensions, Metrics }] = _aws.CloudWatchMetrics;
      for (const [dimension] of Dimensions)
        for (const { Name } of Metrics) counted.add(named(Namespace, Name, dimension, service));
    }

    /** Whether AWS itself counts this. */
    function isOfAws(metric: string): boolean {
      const [space = "", name = "", dimension = ""] = metric.split(" ");
      const [member = "", value = ""] = dimension.split("=");
      return ofAws[`${space} ${member}`]?.includes(name) === true && things.includes(value);
    }

    it("has an alarm for what a person must see, each of which looks where somebody counts", () => {
      const read = alarms.map(({ name, inputs: { namespace, metricName, dimensions } }) => {
        const [[dimension = "", value = ""] = []] = Object.entries<string>(dimensions);
        return { name, metric: named(namespace, metricName, dimension, value) };
      });
      expect(read.filter(({ metric }) => !counted.has(metric) && !isOfAws(metric))).toEqual([]);
      const needed = [
        "NeedsAttention",
        "OverdueWaits",
        "ImagesNearLimit",
        "ImagesUnusable",
        "OrphanedTasks",
        "Drifted",
        "DeadLetters",
        "ReconcilerSilent",
      ];
      for (const kind of needed) expect(alarms.some(({ name }) => name.startsWith(kind))).toBe(true);
    });

    it("has as many alarms as the cost of a month counts", () => {
      expect(alarms).toHaveLength(
        countAlarms(describeApplication(parseConfig(config), "spillway-production", { permanent: true })),
      );
    });

    it("says in each alarm what to do, and tells the same people when it is over", () => {
      for (const { name, inputs } of alarms) {
        expect(inputs.alarmDescription.length, name).toBeGreaterThan(60);
        expect(inputs.okActions, name).toEqual(inputs.alarmActions);
      }
    });

    it("notices silence only where something must go on", () => {
      const silent = alarms.filter(({ inputs }) => inputs.treatMissingData === "breaching");
      expect(silent.map(({ name }) => name)).toEqual(["ReconcilerSilent"]);
    });

    it("shows on one page what happened, from metrics that somebody counts", () => {
      expect(widgets.map(({ properties }) => properties.title)).toEqual([
        "Releases by outcome",
        "Deployments by outcome",
        "Time of a release and of a deployment (p50)",
        "Time of a stage (average)",
        "Failures of functions",
        "What is not as it should be",
        "Events that could not be delivered",
      ]);
      for (const { properties } of widgets)
        for (const [space, name, dimension, value] of properties.metrics) {
          const metric = named(space, name, dimension, value);
          // What did not come about in this world is counted by the same middleware as what did.
          const alike = space === namespace && metricNames.includes(name) && services.includes(value);
          expect(isOfAws(metric) || counted.has(metric) || alike, `${properties.title}: ${metric}`).toBe(
            true,
          );
        }
    });
  },
);
