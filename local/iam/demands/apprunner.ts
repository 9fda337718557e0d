import type * as apprunner from "@aws-sdk/client-apprunner";
import { type Demand, type Demands, demand, passRoles } from "../demand.ts";

type Changed = Pick<Partial<apprunner.CreateServiceCommandInput>, "InstanceConfiguration"> &
  Pick<apprunner.UpdateServiceCommandInput, "SourceConfiguration" | "NetworkConfiguration">;

interface OfService {
  readonly ServiceArn?: string | undefined;
}

const ofService =
  (action: string) =>
  ({ ServiceArn = "" }: OfService): Demand[] =>
    demand(action, ServiceArn);

/** A service, the network that it is to reach, and the roles that it is to have. */
function change(action: string, service: string, input: Changed): Demand[] {
  const { SourceConfiguration, InstanceConfiguration, NetworkConfiguration } = input;
  const connector = NetworkConfiguration?.EgressConfiguration?.VpcConnectorArn;
  return [
    ...demand(action, service, ...(connector === undefined ? [] : [connector])),
    ...passRoles(
      [SourceConfiguration?.AuthenticationConfiguration?.AccessRoleArn],
      "build.apprunner.amazonaws.com",
    ),
    ...passRoles([InstanceConfiguration?.InstanceRoleArn], "tasks.apprunner.amazonaws.com"),
  ];
}

/** What operations of App Runner need. */
export function appRunnerDemands(arn: (service: string, resource: string) => string): Demands {
  return {
    CreateService: ({ ServiceName, ...input }: apprunner.CreateServiceCommandInput) =>
      change("apprunner:CreateService", arn("apprunner", `service/${ServiceName}/*`), input),
    UpdateService: ({ ServiceArn = "", ...input }: apprunner.UpdateServiceCommandInput) =>
      change("apprunner:UpdateService", ServiceArn, input),
    DescribeService: ofService("apprunner:DescribeService"),
    DeleteService: ofService("apprunner:DeleteService"),
    ListOperations: ofService("apprunner:ListOperations"),
    PauseService: ofService("apprunner:PauseService"),
    ResumeService: ofService("apprunner:ResumeService"),
    StartDeployment: ofService("apprunner:StartDeployment"),
  };
}
