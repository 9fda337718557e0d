import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AppRunnerClient,
  DescribeServiceCommand,
  ListOperationsCommand,
  ListServicesCommand,
  type OperationSummary,
  type Service,
} from "@aws-sdk/client-apprunner";
import { DescribeExecutionCommand, SFNClient } from "@aws-sdk/client-sfn";
import { connectExecutions } from "../aws/states.ts";
import { Ending } from "../cli/ending.ts";
import type { Commit } from "../cli/example.ts";
import { type Installation, startInstallation } from "../cli/installation.ts";
import { releaseCommit } from "../cli/release.ts";
import type { Config } from "../core/config.ts";
import { targetName } from "../core/names.ts";
import type { Release } from "../core/records.ts";
import { createRealClock } from "../local/asl/real-clock.ts";

const prefix = "spillway";

/** Installs Spillway with this config in a local AWS of its own, and removes both after use. */
export async function withInstallation<Result>(
  config: Config,
  use: (installation: Installation) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-bench-"));
  const ending = new Ending();
  try {
    const installation = await startInstallation(
      {
        ...{ config, prefix, folder, fresh: true },
        clock: createRealClock(),
        port: undefined,
        onEvent: () => {},
        onFault: (where, error) => console.error(where, error),
      },
      ending,
    );
    return await use(installation);
  } finally {
    await ending.run();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Pushes a commit and waits for its release. @throws Error if that ends otherwise than it is to. */
export async function releaseAs(
  installation: Installation,
  commit: Commit,
  outcome: string,
): Promise<Release> {
  const report = await releaseCommit(installation, commit);
  if (report.outcome !== outcome)
    throw new Error(`The release ended ${report.outcome}, and not ${outcome}: ${report.reason}`);
  return installation.records.requireRelease(report.release);
}

/**
 * Starts the deploy machine as a person would and waits for its end. @returns the execution's ARN.
 * @throws Error if it ends in another status.
 */
export async function deploy(
  { connection, made, laptop }: Installation,
  input: object,
  status = "SUCCEEDED",
): Promise<string> {
  const machine = made.machines.DeployMachine ?? "";
  const name = `bench-${randomUUID()}`;
  await connectExecutions(connection).start(machine, name, input);
  const executionArn = `${machine.replace(":stateMachine:", ":execution:")}:${name}`;
  const ended = await laptop.aws.stepFunctions.executionEnd(executionArn);
  if (ended === status) return executionArn;
  const states = new SFNClient(connection.client);
  const { cause, output } = await states.send(new DescribeExecutionCommand({ executionArn }));
  throw new Error(`${JSON.stringify(input)} ended ${ended}, and not ${status}: ${cause ?? output}`);
}

/** App Runner's service of an environment. @throws Error if there is none. */
export async function describeService(
  installation: Installation,
  environment: string,
): Promise<Service & { ServiceArn: string; ServiceUrl: string }> {
  const client = new AppRunnerClient(installation.connection.client);
  const { ServiceSummaryList = [] } = await client.send(new ListServicesCommand({}));
  const name = targetName(prefix, "web", environment);
  const ServiceArn = ServiceSummaryList.find(({ ServiceName }) => ServiceName === name)?.ServiceArn;
  const { Service } = await client.send(new DescribeServiceCommand({ ServiceArn }));
  if (ServiceArn === undefined || Service?.ServiceUrl === undefined)
    throw new Error(`There is no service ${name}.`);
  return { ...Service, ServiceArn, ServiceUrl: Service.ServiceUrl };
}

/** The newest operation on a service. */
export async function lastOperation(
  { connection }: Installation,
  ServiceArn: string,
): Promise<OperationSummary> {
  const client = new AppRunnerClient(connection.client);
  const { OperationSummaryList = [] } = await client.send(new ListOperationsCommand({ ServiceArn }));
  const [newest] = OperationSummaryList;
  if (newest === undefined) throw new Error(`Nothing was ever done to ${ServiceArn}.`);
  return newest;
}
