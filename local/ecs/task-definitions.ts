import type * as ecs from "@aws-sdk/client-ecs";
import { AwsError, type Operation } from "../service.ts";
import { type Kept, keptIn } from "../store.ts";
import { arn, type World } from "../world.ts";
import { type EcsPaginate, sizeOf } from "./pages.ts";

/** As many revisions as DeleteTaskDefinitions takes (API reference). */
const LARGEST_DELETION = 10;
const DELETING_ACTIVE =
  "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
const DELETING_NOTHING =
  "The specified task definition does not exist. Specify a valid account, family, revision and try again.";

interface Revision {
  readonly taskDefinition: ecs.TaskDefinition & { readonly taskDefinitionArn: string };
  readonly tags: ecs.Tag[];
}

/**
 * The task definitions: families, each with its revisions, of which those deregistered are INACTIVE until they are
 * deleted. How long AWS then takes it does not say; here they are DELETE_IN_PROGRESS for ever.
 */
export class TaskDefinitions {
  readonly #world: World;
  readonly #paginate: EcsPaginate;
  readonly #kept: Kept<Revision[]>;
  readonly #families: Map<string, Revision[]>;

  constructor(world: World, paginate: EcsPaginate) {
    this.#kept = keptIn(world, "ecs/families");
    this.#families = new Map(this.#kept.entries());
    this.#world = world;
    this.#paginate = paginate;
  }

  /** What a task is to be run from: a revision, or the latest active one of a family. @throws AwsError ClientException. */
  runnable(reference = ""): ecs.TaskDefinition {
    const found = this.#find(reference)?.taskDefinition;
    if (found === undefined) throw new AwsError("ClientException", "TaskDefinition not found.");
    if (found.status !== "ACTIVE") throw new AwsError("ClientException", "TaskDefinition is inactive");
    return found;
  }

  /** A revision, active or not. */
  known(reference = ""): ecs.TaskDefinition | undefined {
    return this.#find(reference)?.taskDefinition;
  }

  operations() {
    return {
      RegisterTaskDefinition: this.#register,
      DescribeTaskDefinition: this.#describe,
      DeregisterTaskDefinition: this.#deregister,
      DeleteTaskDefinitions: this.#delete,
      ListTaskDefinitions: this.#list,
      ListTaskDefinitionFamilies: this.#listFamilies,
    };
  }

  #find(reference: string): Revision | undefined {
    const { family, revision } = parse(reference);
    const revisions = this.#families.get(family) ?? [];
    return revision === undefined
      ? revisions.findLast(({ taskDefinition }) => taskDefinition.status === "ACTIVE")
      : revisions.find(({ taskDefinition }) => taskDefinition.revision === revision);
  }

  #required(reference: string): Revision {
    const found = this.#find(reference);
    if (found !== undefined) return found;
    throw new AwsError("ClientException", `Unable to describe task definition: ${reference}.`);
  }

  readonly #register: Operation<
    ecs.RegisterTaskDefinitionCommandInput,
    ecs.RegisterTaskDefinitionCommandOutput
  > = (input) => {
    checkDefinition(input);
    const { family = "", tags = [], ...members } = input;
    const revisions = this.#families.get(family) ?? [];
    const revision = revisions.length + 1;
    const taskDefinition = {
      ...members,
      family,
      containerDefinitions: input.containerDefinitions?.map(withDefaults),
      volumes: input.volumes ?? [],
      placementConstraints: input.placementConstraints ?? [],
      compatibilities: ["EC2", "FARGATE"] satisfies ecs.Compatibility[],
      revision,
      taskDefinitionArn: arn(this.#world, "ecs", `task-definition/${family}:${revision}`),
      status: "ACTIVE" as const,
      registeredAt: new Date(this.#world.clock.now()),
      registeredBy: `arn:aws:iam::${this.#world.accountId}:root`,
    };
    this.#families.set(family, [...revisions, { taskDefinition, tags }]);
    this.#kept.put(family, [...revisions, { taskDefinition, tags }]);
    return { taskDefinition, ...(tags.length > 0 ? { tags } : {}) };
  };

  readonly #describe: Operation<
    ecs.DescribeTaskDefinitionCommandInput,
    ecs.DescribeTaskDefinitionCommandOutput
  > = (input) => {
    const { taskDefinition, tags } = this.#required(input.taskDefinition ?? "");
    return { taskDefinition, ...(input.include?.includes("TAGS") ? { tags } : {}) };
  };

  readonly #deregister: Operation<
    ecs.DeregisterTaskDefinitionCommandInput,
    ecs.DeregisterTaskDefinitionCommandOutput
  > = ({ taskDefinition: reference = "" }) => {
    if (parse(reference).revision === undefined)
      throw new AwsError("InvalidParameterException", "Invalid revision number. Number: null");
    const { taskDefinition } = this.#required(reference);
    taskDefinition.status = "INACTIVE";
    taskDefinition.deregisteredAt ??= new Date(this.#world.clock.now());
    const { family } = parse(reference);
    this.#kept.put(family, this.#families.get(family) ?? []);
    return { taskDefinition };
  };

  readonly #delete: Operation<ecs.DeleteTaskDefinitionsCommandInput, ecs.DeleteTaskDefinitionsCommandOutput> =
    ({ taskDefinitions: references = [] }) => {
      if (references.length === 0 || references.length > LARGEST_DELETION)
        throw new AwsError(
          "InvalidParameterException",
          `taskDefinitions must name 1 to ${LARGEST_DELETION}; it names ${references.length}.`,
        );
      const taskDefinitions: ecs.TaskDefinition[] = [];
      const failures: ecs.Failure[] = [];
      for (const reference of references) {
        const { family, revision } = parse(reference);
        const found = revision === undefined ? undefined : this.#find(reference)?.taskDefinition;
        if (found === undefined) failures.push({ arn: reference, reason: DELETING_NOTHING });
        else if (found.status === "ACTIVE") failures.push({ arn: reference, reason: DELETING_ACTIVE });
        else {
          found.status = "DELETE_IN_PROGRESS";
          found.deleteRequestedAt ??= new Date(this.#world.clock.now());
          this.#kept.put(family, this.#families.get(family) ?? []);
          taskDefinitions.push(found);
        }
      }
      return { taskDefinitions, failures };
    };

  readonly #list: Operation<ecs.ListTaskDefinitionsCommandInput, ecs.ListTaskDefinitionsCommandOutput> = (
    input,
  ) => {
    const { familyPrefix, status = "ACTIVE", sort = "ASC", maxResults, nextToken } = input;
    // What the API calls a prefix is the family's whole name.
    const arns = [...this.#families]
      .filter(([family]) => familyPrefix === undefined || family === familyPrefix)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([, revisions]) => revisions)
      .filter(({ taskDefinition }) => taskDefinition.status === status)
      .map(({ taskDefinition }) => taskDefinition.taskDefinitionArn);
    const page = this.#paginate(sort === "DESC" ? arns.toReversed() : arns, {
      of: ["ListTaskDefinitions", familyPrefix, status, sort],
      key: (one) => one,
      size: sizeOf(maxResults),
      token: nextToken,
    });
    return { taskDefinitionArns: page.items, nextToken: page.nextToken };
  };

  readonly #listFamilies: Operation<
    ecs.ListTaskDefinitionFamiliesCommandInput,
    ecs.ListTaskDefinitionFamiliesCommandOutput
  > = (input) => {
    const { familyPrefix = "", status = "ALL", maxResults, nextToken } = input;
    const families = [...this.#families]
      .filter(([family]) => family.startsWith(familyPrefix))
      .filter(([, revisions]) => {
        const isActive = revisions.some(({ taskDefinition }) => taskDefinition.status === "ACTIVE");
        return status === "ALL" || isActive === (status === "ACTIVE");
      })
      .map(([family]) => family)
      .toSorted();
    const page = this.#paginate(families, {
      of: ["ListTaskDefinitionFamilies", familyPrefix, status],
      key: (one) => one,
      size: sizeOf(maxResults),
      token: nextToken,
    });
    return { families: page.items, nextToken: page.nextToken };
  };
}

/** `family`, `family:revision` or an ARN that ends with it. */
function parse(reference: string): { readonly family: string; readonly revision: number | undefined } {
  const [family = "", revision] = (reference.split("task-definition/").at(-1) ?? "").split(":");
  return { family, revision: revision === undefined ? undefined : Number(revision) };
}

/** AWS gives these members whether they were registered or not. */
function withDefaults(container: ecs.ContainerDefinition): ecs.ContainerDefinition {
  return {
    cpu: 0,
    essential: true,
    environment: [],
    mountPoints: [],
    portMappings: [],
    volumesFrom: [],
    ...container,
  };
}

function checkDefinition(input: ecs.RegisterTaskDefinitionCommandInput): void {
  const refuse = (message: string): never => {
    throw new AwsError("ClientException", message);
  };
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(input.family ?? "")) refuse("Family contains invalid characters.");
  if ((input.containerDefinitions ?? []).length !== 1)
    refuse("Here a task runs exactly one container; give one container definition.");
  for (const { name, image } of input.containerDefinitions ?? [])
    if (name === undefined || image === undefined)
      refuse("Container.image and Container.name should not be null or empty.");
  if (!input.requiresCompatibilities?.includes("FARGATE")) return;
  if (input.networkMode !== "awsvpc") refuse("Fargate only supports network mode ‘awsvpc’.");
  if (input.cpu === undefined || input.memory === undefined)
    refuse("Fargate requires that 'cpu' and 'memory' be defined at the task level.");
}
