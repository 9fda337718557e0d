import type * as apprunner from "@aws-sdk/client-apprunner";
import { AwsError } from "../service.ts";
import type { HealthCheck } from "./instance.ts";

/** How a service is to run. */
export interface Settings {
  source: apprunner.SourceConfiguration;
  instanceConfiguration: apprunner.InstanceConfiguration;
  healthCheck: apprunner.HealthCheckConfiguration;
  /** Kept as it was told; every instance reaches what this machine reaches. */
  network: apprunner.NetworkConfiguration;
}

const imagePattern =
  /^[0-9]{12}\.dkr\.ecr\.[a-z-]+-[0-9]\.amazonaws\.com\/[a-z0-9]+(?:[._/-][a-z0-9]+)*(?::[\w+\-=.:/@]+|@[\w:]+)?$/;

/** The settings alone, of whatever has them. */
export function settingsOf({ source, instanceConfiguration, healthCheck, network }: Settings): Settings {
  return { source, instanceConfiguration, healthCheck, network };
}

type Wanted = Pick<
  apprunner.CreateServiceCommandInput,
  "InstanceConfiguration" | "HealthCheckConfiguration" | "NetworkConfiguration"
> & { SourceConfiguration?: apprunner.SourceConfiguration | undefined };

/** The settings asked for, over those there are. @throws AwsError InvalidRequestException. */
export function readSettings(input: Wanted, before?: Settings): Settings {
  const source = input.SourceConfiguration ?? before?.source;
  const image = source?.ImageRepository;
  if (image === undefined)
    throw new AwsError(
      "InvalidRequestException",
      "Only services from an image repository can be run here: give SourceConfiguration.ImageRepository.",
    );
  if (!imagePattern.test(image.ImageIdentifier ?? ""))
    throw new AwsError(
      "InvalidRequestException",
      `ImageIdentifier "${image.ImageIdentifier}" is not an ECR image of the form ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST or :TAG.`,
    );
  const asked = input.HealthCheckConfiguration ?? before?.healthCheck;
  return {
    source: { AutoDeploymentsEnabled: true, ...source },
    instanceConfiguration: {
      Cpu: "1024",
      Memory: "2048",
      ...before?.instanceConfiguration,
      ...input.InstanceConfiguration,
    },
    healthCheck: {
      Protocol: "TCP",
      Path: "/",
      Interval: 5,
      Timeout: 2,
      HealthyThreshold: 1,
      UnhealthyThreshold: 5,
      ...asked,
    },
    network: {
      EgressConfiguration: { EgressType: "DEFAULT" },
      IngressConfiguration: { IsPubliclyAccessible: true },
      IpAddressType: "IPV4",
      ...before?.network,
      ...input.NetworkConfiguration,
    },
  };
}

/** A health check as instances are given it. */
export function healthCheckOf(check: apprunner.HealthCheckConfiguration): HealthCheck {
  return {
    protocol: check.Protocol ?? "TCP",
    path: check.Path ?? "/",
    intervalSeconds: check.Interval ?? 5,
    timeoutSeconds: check.Timeout ?? 2,
    healthyThreshold: check.HealthyThreshold ?? 1,
    unhealthyThreshold: check.UnhealthyThreshold ?? 5,
  };
}
