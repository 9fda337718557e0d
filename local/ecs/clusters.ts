import type * as ecs from "@aws-sdk/client-ecs";
import { AwsError, type Operation } from "../service.ts";
import { type Kept, keptIn } from "../store.ts";
import { arn, type World } from "../world.ts";
import { type EcsPaginate, sizeOf } from "./pages.ts";

/** How many tasks a cluster has; known to the tasks, shown by the clusters. */
export interface TaskCounts {
  readonly runningTasksCount: number;
  readonly pendingTasksCount: number;
}

/** The clusters of the account. A cluster is a name here: a task runs on this machine, whichever it is in. */
export class Clusters {
  readonly #world: World;
  readonly #paginate: EcsPaginate;
  readonly #kept: Kept<ecs.Cluster & { readonly clusterArn: string }>;
  readonly #clusters: Map<string, ecs.Cluster & { readonly clusterArn: string }>;

  constructor(world: World, paginate: EcsPaginate) {
    this.#kept = keptIn(world, "ecs/clusters");
    this.#clusters = new Map(this.#kept.entries());
    this.#world = world;
    this.#paginate = paginate;
  }

  /** By name or ARN. @throws AwsError ClusterNotFoundException. */
  named(reference = "default"): { readonly clusterName: string; readonly clusterArn: string } {
    const clusterName = nameOf(reference);
    const found = this.#clusters.get(clusterName);
    if (found === undefined) throw new AwsError("ClusterNotFoundException", "Cluster not found.");
    return { clusterName, clusterArn: found.clusterArn };
  }

  operations(counts: (clusterArn: string) => TaskCounts) {
    const shown = (cluster: ecs.Cluster & { readonly clusterArn: string }): ecs.Cluster => ({
      ...cluster,
      ...counts(cluster.clusterArn),
      activeServicesCount: 0,
      registeredContainerInstancesCount: 0,
    });

    const CreateCluster: Operation<ecs.CreateClusterCommandInput, ecs.CreateClusterCommandOutput> = (
      input,
    ) => {
      const clusterName = input.clusterName ?? "default";
      if (!/^[A-Za-z0-9_-]{1,255}$/.test(clusterName))
        throw new AwsError("InvalidParameterException", "Invalid identifier: Identifier is for a cluster.");
      const cluster = this.#clusters.get(clusterName) ?? {
        clusterName,
        clusterArn: arn(this.#world, "ecs", `cluster/${clusterName}`),
        status: "ACTIVE",
      };
      this.#clusters.set(clusterName, cluster);
      this.#kept.put(clusterName, cluster);
      return { cluster: shown(cluster) };
    };

    const DescribeClusters: Operation<ecs.DescribeClustersCommandInput, ecs.DescribeClustersCommandOutput> = (
      input,
    ) => {
      const names = (input.clusters ?? ["default"]).map(nameOf);
      return {
        clusters: names.flatMap((name) => {
          const found = this.#clusters.get(name);
          return found === undefined ? [] : [shown(found)];
        }),
        failures: names
          .filter((name) => !this.#clusters.has(name))
          .map((name) => ({ arn: arn(this.#world, "ecs", `cluster/${name}`), reason: "MISSING" })),
      };
    };

    const ListClusters: Operation<ecs.ListClustersCommandInput, ecs.ListClustersCommandOutput> = (input) => {
      const arns = [...this.#clusters.values()].map(({ clusterArn }) => clusterArn);
      const { items, nextToken } = this.#paginate(arns, {
        of: ["ListClusters"],
        key: (one) => one,
        size: sizeOf(input.maxResults),
        token: input.nextToken,
      });
      return { clusterArns: items, nextToken };
    };

    return { CreateCluster, DescribeClusters, ListClusters };
  }
}

function nameOf(reference: string): string {
  return reference.split("/").at(-1) ?? "";
}
