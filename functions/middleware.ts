import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import middy from "@middy/core";
import type { Context } from "aws-lambda";
import type * as z from "zod/mini";
import { type Connection, connect } from "../aws/connection.ts";
import { SpillwayError } from "../core/errors.ts";
import { type Findings, type MetricName, metricNames } from "../core/metrics.ts";
import { Outcome } from "../core/outcome.ts";
import { listProblems, type Problem, parse } from "../core/parse.ts";
import { type Environment, readEnvironment } from "./environment.ts";

/** Where a function works: its connection to AWS and what its installation told it. */
export interface Place {
  readonly connection: Connection;
  readonly environment: Environment;
  /** How time passes for who must wait here, in milliseconds; a timer unless said. Whoever can waits by a machine. */
  readonly sleep?: (milliseconds: number) => Promise<unknown>;
}

/** One function: its name, the shape of what it is given, and what it does. */
export interface FunctionDefinition<Input extends z.ZodMiniType, Output> {
  /** The same as the state, the file and the Lambda. */
  readonly name: string;
  readonly input: Input;
  run(input: z.infer<Input>, place: Place, tell: (findings: Findings) => void): Promise<Output>;
}

/**
 * The one middleware stack: parse the input, log start and end with release and execution, count what happened
 * (in the CloudWatch namespace of the installation, POWERTOOLS_METRICS_NAMESPACE; what, core/metrics.ts says), name the error.
 * @param place where to work; by default what the process's environment says, read at the first invocation.
 */
export function createHandler<Input extends z.ZodMiniType, Output>(
  definition: FunctionDefinition<Input, Output>,
  place?: Place,
) {
  const logger = new Logger({ serviceName: definition.name });
  const metrics = new Metrics({ serviceName: definition.name });
  const count = (name: MetricName, many = 1) => {
    metrics.addMetric(name, MetricUnit.Count, many);
    metrics.publishStoredMetrics();
  };
  const tell = ({ counts, warnings }: Findings) => {
    for (const warning of warnings) logger.warn(warning);
    for (const name of metricNames) if (counts[name] !== undefined) count(name, counts[name]);
  };
  const refuse = (problems: readonly Problem[]) =>
    new SpillwayError(
      "InvalidInput",
      `${definition.name} was given an input it cannot use: ${listProblems(problems, "input")}.`,
    );
  let here = place;
  // Lambda ends the process of a function whose time is up, with an error that the machines retry. An answer of our own
  // just before would name one that nobody retries, and leave work half done to go on whenever the process next wakes.
  return middy<unknown, Output, Error, Context>({ timeoutEarlyInMillis: 0 })
    .use({
      before: ({ event, context }) => {
        logger.addContext(context);
        logger.resetKeys();
        logger.appendKeys(subjectOf(event));
        logger.info("begun");
      },
      after: ({ response }) => {
        logger.info("ended");
        count("Succeeded");
        const outcome = outcomeOf(response);
        if (outcome !== undefined) count(outcome);
      },
      onError: ({ error }) => {
        logger.error("failed", { error_name: error?.name, error_message: error?.message });
        count("Failed");
      },
    })
    .handler(async (event: unknown) => {
      here ??= { connection: connect(), environment: readEnvironment(process.env) };
      return definition.run(parse(definition.input, event, refuse), here, tell);
    });
}

/** The end of a release or deployment, if that is what a function answers with. */
function outcomeOf(response: unknown): Outcome | undefined {
  if (typeof response !== "object" || response === null || !("outcome" in response)) return undefined;
  return Outcome.safeParse(response.outcome).data;
}

/** Which release a log line is about. Never the whole event: it may hold a token. */
function subjectOf(event: unknown): Record<string, string> {
  if (typeof event !== "object" || event === null) return {};
  const keys = ["release", "environment", "attempt", "stage", "build", "execution"];
  const deployment = "deployment" in event && typeof event.deployment === "object" ? event.deployment : {};
  return Object.fromEntries(
    Object.entries({ ...event, ...deployment })
      .filter(([key, value]) => keys.includes(key) && ["string", "number"].includes(typeof value))
      .map(([key, value]) => [key, String(value)]),
  );
}
