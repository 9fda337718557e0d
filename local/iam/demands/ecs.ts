import type * as ecs from "@aws-sdk/client-ecs";
import { type Demand, type Demands, demand, passRoles } from "../demand.ts";

const TASKS = "ecs-tasks.amazonaws.com";

/** What operations of ECS need. @param definition what a task definition says, by whatever RunTask takes for one. */
export function ecsDemands(
  arn: (service: string, resource: string) => string,
  definition: (reference: string | undefined) => ecs.TaskDefinition | undefined,
): Demands {
  const cluster = (nameOrArn = "default") =>
    nameOrArn.startsWith("arn:") ? nameOrArn : arn("ecs", `cluster/${nameOrArn}`);
  const inCluster = (one: string | undefined, demands: readonly Demand[]) =>
    demands.map((demanded) => ({ ...demanded, context: { "ecs:cluster": cluster(one) } }));
  const task = (clusterOf: string | undefined, idOrArn: string) =>
    idOrArn.startsWith("arn:")
      ? idOrArn
      : arn("ecs", `task/${cluster(clusterOf).split("/").at(-1)}/${idOrArn}`);

  return {
    RegisterTaskDefinition: (input: Partial<ecs.RegisterTaskDefinitionCommandInput>) => [
      ...demand("ecs:RegisterTaskDefinition", arn("ecs", `task-definition/${input.family}:*`)),
      ...passRoles([input.executionRoleArn, input.taskRoleArn], TASKS),
    ],
    DeleteTaskDefinitions: ({ taskDefinitions = [] }: Partial<ecs.DeleteTaskDefinitionsCommandInput>) =>
      demand(
        "ecs:DeleteTaskDefinitions",
        ...taskDefinitions.map((one) =>
          one.startsWith("arn:") ? one : arn("ecs", `task-definition/${one}`),
        ),
      ),
    RunTask: ({ cluster: where, taskDefinition, overrides }: Partial<ecs.RunTaskCommandInput>) => {
      const found = definition(taskDefinition);
      const roles = [
        overrides?.executionRoleArn ?? found?.executionRoleArn,
        overrides?.taskRoleArn ?? found?.taskRoleArn,
      ];
      const what = found?.taskDefinitionArn ?? arn("ecs", `task-definition/${taskDefinition}`);
      return [...inCluster(where, demand("ecs:RunTask", what)), ...passRoles(roles, TASKS)];
    },
    DescribeTasks: ({ cluster: where, tasks = [] }: Partial<ecs.DescribeTasksCommandInput>) =>
      inCluster(where, demand("ecs:DescribeTasks", ...tasks.map((one) => task(where, one)))),
    StopTask: ({ cluster: where, task: one = "" }: Partial<ecs.StopTaskCommandInput>) =>
      inCluster(where, demand("ecs:StopTask", task(where, one))),
    // Its resource is a container instance, which tasks of Fargate have none of.
    ListTasks: ({ cluster: where }: Partial<ecs.ListTasksCommandInput>) =>
      inCluster(where, demand("ecs:ListTasks", "*")),
    CreateCluster: ({ clusterName = "default" }: Partial<ecs.CreateClusterCommandInput>) =>
      demand("ecs:CreateCluster", cluster(clusterName)),
    DescribeClusters: ({ clusters = [] }: Partial<ecs.DescribeClustersCommandInput>) =>
      demand("ecs:DescribeClusters", ...clusters.map(cluster)),
  };
}
