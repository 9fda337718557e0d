import { AppRunnerClient, DeleteServiceCommand, ListServicesCommand } from "@aws-sdk/client-apprunner";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

/** A service that App Runner still has. */
export interface ServiceLeft {
  readonly name: string;
  readonly arn: string;
  /** App Runner's own word: `OPERATION_IN_PROGRESS` while it is deleted or otherwise changed. */
  readonly status: string;
}

/** App Runner, as services are deleted in it; a release never does. */
export function connectServiceRemoval({ client }: Connection) {
  const apprunner = clientOf(AppRunnerClient, client);

  async function listNamed(names: readonly string[]): Promise<ServiceLeft[]> {
    const found: ServiceLeft[] = [];
    let next: string | undefined;
    do {
      const page = await call("list the App Runner services", () =>
        apprunner.send(new ListServicesCommand(next === undefined ? {} : { NextToken: next })),
      );
      for (const { ServiceName: name, ServiceArn: arn, Status: status } of page.ServiceSummaryList ?? [])
        if (name !== undefined && arn !== undefined && names.includes(name) && status !== "DELETED")
          found.push({ name, arn, status: status ?? "UNKNOWN" });
      next = page.NextToken;
    } while (next !== undefined);
    return found;
  }

  async function remove({ name, arn }: ServiceLeft): Promise<void> {
    await call(`delete the App Runner service ${name}`, async () => {
      try {
        await apprunner.send(new DeleteServiceCommand({ ServiceArn: arn }));
      } catch (error) {
        // Something began there since it was listed, or somebody else deleted it: the next look tells.
        if (!(error instanceof Error) || !overtaken.has(error.name)) throw error;
      }
    });
  }

  return {
    /**
     * Begins to delete the services of exactly these names. One that is being changed is left for another time.
     * @returns those that were still there, none once all are gone.
     */
    async remove(names: readonly string[]): Promise<ServiceLeft[]> {
      const left = await listNamed(names);
      for (const service of left) if (service.status !== "OPERATION_IN_PROGRESS") await remove(service);
      return left;
    },
  };
}

const overtaken = new Set(["InvalidStateException", "ResourceNotFoundException"]);
