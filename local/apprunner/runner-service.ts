import type * as apprunner from "@aws-sdk/client-apprunner";
import type { Front } from "./front.ts";
import type { Instance } from "./instance.ts";
import type { Settings } from "./settings.ts";

/** One App Runner service: what was asked for, what runs, and everything that was ever done to it. */
export interface RunnerService extends Settings {
  readonly name: string;
  readonly id: string;
  readonly arn: string;
  readonly createdAt: number;
  updatedAt: number;
  deletedAt: number | undefined;
  status: apprunner.ServiceStatus;
  readonly front: Front;
  instance: Instance | undefined;
  readonly operations: apprunner.OperationSummary[];
  /** While an update is under way: the settings it began with. */
  before: Settings | undefined;
}

/** A service as it is kept. Its instance is started again, and its address opened again. */
export interface KeptService extends Omit<RunnerService, "front" | "instance"> {
  readonly url: string;
}

/** A service as DescribeService tells of it. */
export const describe = (service: RunnerService): apprunner.Service => ({
  ServiceName: service.name,
  ServiceId: service.id,
  ServiceArn: service.arn,
  // AWS gives a host name; here the address needs its scheme.
  ServiceUrl: service.front.url,
  CreatedAt: new Date(service.createdAt),
  UpdatedAt: new Date(service.updatedAt),
  ...(service.deletedAt === undefined ? {} : { DeletedAt: new Date(service.deletedAt) }),
  Status: service.status,
  SourceConfiguration: service.source,
  InstanceConfiguration: service.instanceConfiguration,
  HealthCheckConfiguration: service.healthCheck,
  AutoScalingConfigurationSummary: {
    AutoScalingConfigurationName: "DefaultConfiguration",
    AutoScalingConfigurationRevision: 1,
  },
  NetworkConfiguration: service.network,
});

/** A service as ListServices tells of it. */
export const summarise = (service: RunnerService): apprunner.ServiceSummary => ({
  ServiceName: service.name,
  ServiceId: service.id,
  ServiceArn: service.arn,
  ServiceUrl: service.front.url,
  CreatedAt: new Date(service.createdAt),
  UpdatedAt: new Date(service.updatedAt),
  Status: service.status,
});
