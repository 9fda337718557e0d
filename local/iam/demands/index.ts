import type * as ecs from "@aws-sdk/client-ecs";
import { arn as arnIn, type World } from "../../world.ts";
import { type Demand, type Demands, demand } from "../demand.ts";
import { appRunnerDemands } from "./apprunner.ts";
import { codebuildDemands } from "./codebuild.ts";
import { dynamoDbDemands } from "./dynamodb.ts";
import { ecrDemands } from "./ecr.ts";
import { ecsDemands } from "./ecs.ts";
import { eventsDemands } from "./events.ts";
import { logsDemands } from "./logs.ts";
import { secretsDemands } from "./secrets.ts";
import { stepFunctionsDemands } from "./step-functions.ts";

/** What is looked up to know what a request is about. */
export interface DemandLookups {
  readonly taskDefinition: (reference: string | undefined) => ecs.TaskDefinition | undefined;
  readonly secretArn: (nameOrArn: string) => string | undefined;
}

/** What must be allowed for an operation of a service with this input. */
export type DemandsOf = (target: string, operation: string, input: unknown) => readonly Demand[];

/**
 * Which actions each operation is checked against, on which resource. An operation that is not listed here is
 * checked on `*`, so that nothing goes unchecked: only a policy that says `*` allows it.
 */
export function createDemandsOf(
  world: Pick<World, "accountId" | "region">,
  { taskDefinition, secretArn }: DemandLookups,
): DemandsOf {
  const arn = (service: string, resource: string) => arnIn(world, service, resource);
  const services: Readonly<Record<string, { readonly prefix: string; readonly demands: Demands }>> = {
    AWSStepFunctions: { prefix: "states", demands: stepFunctionsDemands(arn) },
    AWSEvents: { prefix: "events", demands: eventsDemands(arn) },
    AmazonEC2ContainerRegistry_V20150921: { prefix: "ecr", demands: ecrDemands(arn) },
    AmazonEC2ContainerServiceV20141113: { prefix: "ecs", demands: ecsDemands(arn, taskDefinition) },
    AppRunner: { prefix: "apprunner", demands: appRunnerDemands(arn) },
    CodeBuild_20161006: { prefix: "codebuild", demands: codebuildDemands(arn) },
    DynamoDB_20120810: { prefix: "dynamodb", demands: dynamoDbDemands(arn) },
    // Of a metric there is no resource, and a composite alarm is told only to who may ask of all.
    GraniteServiceVersion20100801: { prefix: "cloudwatch", demands: {} },
    Logs_20140328: { prefix: "logs", demands: logsDemands(arn) },
    secretsmanager: { prefix: "secretsmanager", demands: secretsDemands(arn, secretArn) },
  };
  return (target, operation, input) => {
    const { prefix = target, demands = {} } = services[target] ?? {};
    const listed = Object.hasOwn(demands, operation) ? demands[operation] : undefined;
    // The input was read by the schema of this very operation, so it is what its entry takes.
    return listed?.(input as never) ?? demand(`${prefix}:${operation}`, "*");
  };
}
