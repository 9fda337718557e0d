import {
  DeleteTaskDefinitionsCommand,
  DeregisterTaskDefinitionCommand,
  ECSClient,
  ListTaskDefinitionsCommand,
  type TaskDefinitionStatus,
} from "@aws-sdk/client-ecs";
import { SpillwayError } from "../core/errors.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

/** As many task definitions as ECS deletes at once. */
const mostAtOnce = 10;

/** ECS, as task definitions are deleted in it. */
export function connectTaskDefinitionRemoval({ client }: Connection) {
  const ecs = clientOf(ECSClient, client);

  async function list(familyPrefix: string, status: TaskDefinitionStatus): Promise<string[]> {
    const arns: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await call("list the task definitions of a migration", () =>
        // What the API calls a prefix is the family's whole name.
        ecs.send(new ListTaskDefinitionsCommand({ familyPrefix, status, nextToken })),
      );
      arns.push(...(page.taskDefinitionArns ?? []));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return arns;
  }

  return {
    /** Deregisters all revisions of a family, then deletes them. ECS forgets those that a task still runs from later. */
    async remove(family: string): Promise<void> {
      const active = await list(family, "ACTIVE");
      for (const taskDefinition of active)
        await call(`deregister ${taskDefinition}`, () =>
          ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition })),
        );
      // The list may not know yet what was just deregistered.
      const inactive = [...new Set([...active, ...(await list(family, "INACTIVE"))])];
      for (let from = 0; from < inactive.length; from += mostAtOnce) {
        const taskDefinitions = inactive.slice(from, from + mostAtOnce);
        const { failures = [] } = await call(`delete the task definitions of ${family}`, () =>
          ecs.send(new DeleteTaskDefinitionsCommand({ taskDefinitions })),
        );
        const [failure] = failures;
        if (failure !== undefined)
          throw new SpillwayError("AwsRefused", `delete ${failure.arn}: ${failure.reason}`);
      }
    },
  };
}
