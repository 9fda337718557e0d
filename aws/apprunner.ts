import {
  AppRunnerClient,
  CreateServiceCommand,
  DescribeServiceCommand,
  ListOperationsCommand,
  ListServicesCommand,
  type OperationSummary,
  ResourceNotFoundException,
  type Service,
  type SourceConfiguration,
  UpdateServiceCommand,
} from "@aws-sdk/client-apprunner";
import { lastLines } from "../core/build.ts";
import { SpillwayError } from "../core/errors.ts";
import { withLog } from "../core/excerpt.ts";
import { targetLogGroup } from "../core/names.ts";
import type { Target, TargetFound, TargetRequest, TargetShape } from "../core/target.ts";
import type { WaitResult } from "../core/wait.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { asSpillwayError, call } from "./faults.ts";
import { connectLogs } from "./logs.ts";

/** Name → ARN of each service that was found over a connection: App Runner describes a service by its ARN alone. */
const arnsFound = new WeakMap<Connection, Map<string, string>>();

function arnsOf(connection: Connection): Map<string, string> {
  const arns = arnsFound.get(connection) ?? new Map<string, string>();
  arnsFound.set(connection, arns);
  return arns;
}

/** App Runner as a target. It rolls a failed update back by itself and cannot be stopped while it works. */
export function connectAppRunner(connection: Connection): Target {
  const apprunner = clientOf(AppRunnerClient, connection.client);
  const logs = connectLogs(connection);
  const arns = arnsOf(connection);

  /** What was found under that name before is that service still, unless it is gone: a name is never two services'. */
  async function find(name: string): Promise<Service | undefined> {
    const known = arns.get(name);
    const service = known === undefined ? undefined : await describe(known);
    if (service !== undefined && service.Status !== "DELETED") return service;
    arns.delete(name);
    const arn = await findArn(name);
    if (arn === undefined) return undefined;
    arns.set(name, arn);
    return describe(arn);
  }

  async function findArn(name: string): Promise<string | undefined> {
    let next: string | undefined;
    do {
      const page = await call("list the App Runner services", () =>
        apprunner.send(new ListServicesCommand(next === undefined ? {} : { NextToken: next })),
      );
      const arn = page.ServiceSummaryList?.find(
        ({ ServiceName, Status }) => ServiceName === name && Status !== "DELETED",
      )?.ServiceArn;
      if (arn !== undefined) return arn;
      next = page.NextToken;
    } while (next !== undefined);
    return undefined;
  }

  /** @returns undefined if App Runner has forgotten it. */
  async function describe(arn: string): Promise<Service | undefined> {
    return call("look at an App Runner service", async () => {
      try {
        return (await apprunner.send(new DescribeServiceCommand({ ServiceArn: arn }))).Service;
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    });
  }

  async function operations(arn: string): Promise<OperationSummary[]> {
    const { OperationSummaryList } = await call("list the operations of an App Runner service", () =>
      apprunner.send(new ListOperationsCommand({ ServiceArn: arn, MaxResults: 20 })),
    );
    return OperationSummaryList ?? [];
  }

  /** App Runner gives no reason for a failure; its two logs do: what it saw, and what the program said. */
  async function explain(arn: string, since: number, cause: string): Promise<string> {
    const seen = await logs.newest(targetLogGroup(arn, "service"), since, 3);
    const group = targetLogGroup(arn, "application");
    const said = await logs.newest(group, since, 10);
    const whole = [cause, ...lastLines(seen?.lines ?? [], 3)].join("\n");
    return said === undefined
      ? `${whole}\nThe program printed nothing.`
      : withLog(whole, said.lines, { group, stream: said.stream });
  }

  return {
    async describe(name) {
      const service = await find(name);
      const source = service?.SourceConfiguration;
      return {
        exists: service !== undefined && service.Status !== "CREATE_FAILED",
        busy: service?.Status === "OPERATION_IN_PROGRESS",
        imageUri: service?.Status === "CREATE_FAILED" ? undefined : source?.ImageRepository?.ImageIdentifier,
        release: source?.ImageRepository?.ImageConfiguration?.RuntimeEnvironmentVariables?.SPILLWAY_RELEASE,
        arn: service?.ServiceArn,
        url: withScheme(service?.ServiceUrl),
        refusal: refusalOf(service),
        found: service && foundOf(service),
      };
    },

    async start(request) {
      const service = await find(request.name);
      const source = sourceOf(request, service?.SourceConfiguration);
      const answer = await call(
        `deploy to the App Runner service ${request.name}`,
        () =>
          service?.ServiceArn === undefined
            ? apprunner.send(
                new CreateServiceCommand({
                  ServiceName: request.name,
                  SourceConfiguration: source,
                  ...shapeOf(request),
                }),
              )
            : apprunner.send(
                new UpdateServiceCommand({
                  ServiceArn: service.ServiceArn,
                  SourceConfiguration: source,
                  ...shapeOf(request),
                }),
              ),
        { InvalidStateException: "TargetBusy" },
      );
      const arn = answer.Service?.ServiceArn;
      if (arn === undefined || answer.OperationId === undefined)
        throw new SpillwayError("AwsFault", `App Runner began no operation for ${request.name}.`);
      return { arn, operation: answer.OperationId };
    },

    async find(name, imageUri, since) {
      const service = await find(name);
      if (service?.ServiceArn === undefined) return undefined;
      const brings = service.SourceConfiguration?.ImageRepository?.ImageIdentifier === imageUri;
      const ours = (await operations(service.ServiceArn)).find(
        // Some grace: the clocks of the function that began and of App Runner are not the same.
        ({ Type, Status, StartedAt }) =>
          (Type === "UPDATE_SERVICE" || Type === "CREATE_SERVICE") &&
          (StartedAt?.getTime() ?? 0) >= since - clockGraceMilliseconds &&
          // What it went back from, the service does not name any more.
          (brings || isFailing(Status)),
      );
      return ours?.Id === undefined ? undefined : { arn: service.ServiceArn, operation: ours.Id };
    },

    async look({ arn, operation }) {
      const found = (await operations(arn)).find(({ Id }) => Id === operation);
      const result = found === undefined ? undefined : judgeOperation(arn, found);
      if (result?.end !== "failed") return result;
      return { ...result, cause: await explain(arn, found?.StartedAt?.getTime() ?? 0, result.cause) };
    },
  };
}

/** How far the clocks of two machines may differ; no operation of App Runner is over in so short a time. */
const clockGraceMilliseconds = 5_000;

function isFailing(status: OperationSummary["Status"]): boolean {
  return status === "FAILED" || status?.startsWith("ROLLBACK_") === true;
}

/** The service returns to RUNNING after its own rollback, so only the operation tells what happened. */
function judgeOperation(arn: string, { Status, Id }: OperationSummary): WaitResult | undefined {
  switch (Status) {
    case "SUCCEEDED":
      return { end: "succeeded", output: { arn, operation: Id } };
    case "ROLLBACK_SUCCEEDED":
      return {
        end: "failed",
        error: "TargetRolledBack",
        cause: `App Runner rolled operation ${Id} back: the new revision did not become healthy.`,
      };
    case "FAILED":
    case "ROLLBACK_FAILED":
      return {
        end: "failed",
        error: "TargetFailed",
        cause: `App Runner's operation ${Id} ended as ${Status}.`,
      };
    default:
      return undefined;
  }
}

function sourceOf(
  { imageUri, settings }: TargetRequest,
  existing: SourceConfiguration | undefined,
): SourceConfiguration {
  return {
    AuthenticationConfiguration: existing?.AuthenticationConfiguration ?? {
      AccessRoleArn: settings.accessRoleArn,
    },
    // A push must not deploy before it is tested and migrated.
    AutoDeploymentsEnabled: false,
    ImageRepository: {
      ImageIdentifier: imageUri,
      ImageRepositoryType: "ECR",
      // UpdateService replaces the image block, so what we do not manage is copied.
      ImageConfiguration: {
        ...existing?.ImageRepository?.ImageConfiguration,
        Port: String(settings.port),
        RuntimeEnvironmentVariables: { ...settings.variables },
        RuntimeEnvironmentSecrets: { ...settings.secrets },
      },
    },
  };
}

function shapeOf({ settings }: TargetRequest) {
  return {
    InstanceConfiguration: {
      Cpu: settings.cpu,
      Memory: settings.memory,
      InstanceRoleArn: settings.instanceRoleArn,
    },
    // The default is TCP, which passes as soon as the port opens.
    HealthCheckConfiguration: {
      Protocol: "HTTP" as const,
      Path: settings.healthPath,
      Interval: settings.healthCheck.intervalSeconds,
      Timeout: settings.healthCheck.timeoutSeconds,
      HealthyThreshold: settings.healthCheck.healthyThreshold,
      UnhealthyThreshold: settings.healthCheck.unhealthyThreshold,
    },
    ...(settings.vpcConnectorArn === undefined
      ? {}
      : {
          NetworkConfiguration: {
            EgressConfiguration: { EgressType: "VPC" as const, VpcConnectorArn: settings.vpcConnectorArn },
          },
        }),
  };
}

function foundOf(service: Service): TargetFound {
  const { Status, SourceConfiguration: source, UpdatedAt } = service;
  const { ImageIdentifier, ImageConfiguration: image } = source?.ImageRepository ?? {};
  return {
    status: statusOf(Status),
    platformStatus: Status ?? "UNKNOWN",
    imageUri: ImageIdentifier,
    deploysByItself: source?.AutoDeploymentsEnabled === true,
    port: image?.Port,
    variables: { ...image?.RuntimeEnvironmentVariables },
    secrets: { ...image?.RuntimeEnvironmentSecrets },
    shape: foundShapeOf(service),
    changedAt: UpdatedAt?.getTime(),
  };
}

function foundShapeOf({
  InstanceConfiguration: instance,
  HealthCheckConfiguration: check,
  NetworkConfiguration: network,
}: Service): TargetShape {
  const { VpcConnectorArn, EgressType } = network?.EgressConfiguration ?? {};
  return {
    cpu: inUnits(instance?.Cpu),
    memory: inUnits(instance?.Memory),
    role: instance && (instance.InstanceRoleArn ?? "none"),
    healthProtocol: check?.Protocol,
    healthPath: check?.Path,
    healthInterval: check?.Interval?.toString(),
    healthTimeout: check?.Timeout?.toString(),
    healthyThreshold: check?.HealthyThreshold?.toString(),
    unhealthyThreshold: check?.UnhealthyThreshold?.toString(),
    network: VpcConnectorArn ?? EgressType,
  };
}

/** `1024`, or the same as `1 vCPU` or `1 GB`: App Runner takes either. @returns undefined for what is neither. */
function inUnits(size: string | undefined): string | undefined {
  const [, number, unit] = /^([\d.]+)( vCPU| GB)?$/.exec(size ?? "") ?? [];
  if (number === undefined) return undefined;
  return unit === undefined ? number : String(Number(number) * 1024);
}

function statusOf(status: Service["Status"]): TargetFound["status"] {
  switch (status) {
    case "RUNNING":
      return "running";
    case "OPERATION_IN_PROGRESS":
      return "busy";
    case "PAUSED":
      return "paused";
    default:
      return "failed";
  }
}

function refusalOf(service: Service | undefined): string | undefined {
  if (service?.SourceConfiguration?.AutoDeploymentsEnabled === true)
    return `The App Runner service ${service.ServiceName} deploys every push by itself; turn off AutoDeploymentsEnabled, or code would go live untested.`;
  if (service?.Status === "PAUSED")
    return `The App Runner service ${service.ServiceName} is paused; resume it first.`;
  if (service?.Status === "CREATE_FAILED")
    return `The App Runner service ${service.ServiceName} failed to be created; delete it (aws apprunner delete-service), then release again.`;
  return undefined;
}

/** App Runner gives a host name; elsewhere than in AWS it may come with a scheme of its own. */
function withScheme(url: string | undefined): string | undefined {
  if (url === undefined || url.includes("://")) return url;
  return `https://${url}`;
}

/**
 * Whether this account may have App Runner services in this region: it takes no new customers, and it is not
 * everywhere. "unused": it answers, and has no service; only a customer of before could make one.
 */
export async function probeAppRunner({
  client,
}: Connection): Promise<"used" | "unused" | "refused" | "absent"> {
  try {
    const { ServiceSummaryList = [] } = await clientOf(AppRunnerClient, client).send(
      new ListServicesCommand({ MaxResults: 1 }),
    );
    return ServiceSummaryList.length > 0 ? "used" : "unused";
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTFOUND") return "absent";
    if (error instanceof Error && refusals.has(error.name)) return "refused";
    throw asSpillwayError("ask App Runner whether it serves this account", error);
  }
}

const refusals = new Set(["AccessDeniedException", "OptInRequired", "SubscriptionRequiredException"]);
