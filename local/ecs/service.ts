import * as ecs from "@aws-sdk/client-ecs";
import type { Service } from "../service.ts";
import type { World } from "../world.ts";
import { Clusters } from "./clusters.ts";
import { createPages } from "./pages.ts";
import type { TaskServices } from "./running-task.ts";
import { TaskDefinitions } from "./task-definitions.ts";
import { Tasks } from "./tasks.ts";

/** Elastic Container Service, with the doors that the local AWS uses in process. */
export interface Ecs extends Service {
  /** Ends the tasks that an earlier process left running, and tells so. @returns their ARNs. */
  endLost(): string[];
  /** A task definition, by whatever RunTask takes for one. */
  taskDefinition(reference: string | undefined): ecs.TaskDefinition | undefined;
  /** Stops whatever runs. */
  stop(): Promise<void>;
}

/** Elastic Container Service: task definitions and one-off tasks of one container, with AWS's odd ends. */
export function createEcs(world: World, services: TaskServices): Ecs {
  const paginate = createPages(world.clock);
  const clusters = new Clusters(world, paginate);
  const definitions = new TaskDefinitions(world, paginate);
  const tasks = new Tasks(world, { clusters, definitions, paginate, services });
  return {
    target: "AmazonEC2ContainerServiceV20141113",
    protocol: "json1.1",
    schemas: ecs,
    operations: {
      ...clusters.operations((clusterArn) => tasks.counts(clusterArn)),
      ...definitions.operations(),
      ...tasks.operations(),
    },
    taskDefinition: (reference) => definitions.known(reference),
    endLost: () => tasks.endLost(),
    stop: () => tasks.end(),
  };
}
