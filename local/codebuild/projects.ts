import type * as codebuild from "@aws-sdk/client-codebuild";
import { AwsError, type Operation } from "../service.ts";
import { keptIn } from "../store.ts";
import { arn, type World } from "../world.ts";
import { checkArtifacts } from "./artifacts.ts";
import { checkCompute, isLambdaCompute, timeoutsOf } from "./compute.ts";
import { page } from "./pages.ts";

/** How long a build may run, in minutes: the least and the most (AWS documentation, "quotas"). */
const TIMEOUT_MINUTES = [5, 2160] as const;
/** How long a build may be queued, in minutes. */
const QUEUED_TIMEOUT_MINUTES = [5, 480] as const;

/** CodeBuild's projects. */
export interface Projects {
  /** By name or ARN. @throws AwsError ResourceNotFoundException. */
  require(nameOrArn: string | undefined): codebuild.Project & { readonly name: string };
  readonly operations: {
    readonly CreateProject: Operation<
      codebuild.CreateProjectCommandInput,
      codebuild.CreateProjectCommandOutput
    >;
    readonly UpdateProject: Operation<
      codebuild.UpdateProjectCommandInput,
      codebuild.UpdateProjectCommandOutput
    >;
    readonly DeleteProject: Operation<
      codebuild.DeleteProjectCommandInput,
      codebuild.DeleteProjectCommandOutput
    >;
    readonly BatchGetProjects: Operation<
      codebuild.BatchGetProjectsCommandInput,
      codebuild.BatchGetProjectsCommandOutput
    >;
    readonly ListProjects: Operation<codebuild.ListProjectsCommandInput, codebuild.ListProjectsCommandOutput>;
  };
}

type StoredProject = codebuild.Project & { readonly name: string };

/** Keeps the projects of an account. */
export function createProjects(world: World): Projects {
  const kept = keptIn<StoredProject>(world, "codebuild/projects");
  const projects = new Map(kept.entries());
  const now = () => new Date(world.clock.now());

  const projectArn = (name: string) => arn(world, "codebuild", `project/${name}`);

  const nameOf = (nameOrArn = "") => nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1);

  const require = (nameOrArn: string | undefined): StoredProject => {
    const name = nameOf(nameOrArn);
    const found = projects.get(name);
    if (found !== undefined) return found;
    throw new AwsError("ResourceNotFoundException", `Project cannot be found: ${projectArn(name)}`);
  };

  return {
    require,
    operations: {
      CreateProject(input) {
        const name = checkName(input.name);
        if (projects.has(name)) {
          throw new AwsError("ResourceAlreadyExistsException", `Project already exists: ${projectArn(name)}`);
        }
        checkSource(input.source);
        checkOutputs(input);
        checkTimeouts(input);
        checkCompute(input);
        const times = { created: now(), lastModified: now() };
        const project: StoredProject = {
          ...withDefaults(input),
          name,
          arn: projectArn(name),
          ...times,
        };
        projects.set(name, project);
        kept.put(name, project);
        return { project: structuredClone(project) };
      },
      UpdateProject(input) {
        const before = require(input.name);
        if (input.source !== undefined) checkSource(input.source);
        checkOutputs(input);
        checkTimeouts(input);
        const { environment = before.environment } = input;
        checkCompute({ ...input, environment });
        const project: StoredProject = {
          ...before,
          ...(isLambdaCompute({ environment }) ? timeoutsOf({ environment }) : {}),
          ...withoutUndefined(input),
          name: before.name,
          lastModified: now(),
        };
        projects.set(project.name, project);
        kept.put(project.name, project);
        return { project: structuredClone(project) };
      },
      // Deleting what does not exist succeeds, as in AWS.
      DeleteProject(input) {
        projects.delete(nameOf(input.name));
        kept.delete(nameOf(input.name));
        return {};
      },
      BatchGetProjects({ names = [] }) {
        return {
          projects: names.flatMap((name) => structuredClone(projects.get(nameOf(name))) ?? []),
          projectsNotFound: names.filter((name) => !projects.has(nameOf(name))),
        };
      },
      ListProjects({ sortBy = "NAME", sortOrder = "ASCENDING", nextToken }) {
        const time = ({ created, lastModified }: StoredProject) =>
          ((sortBy === "CREATED_TIME" ? created : lastModified) ?? now()).getTime();
        const sorted = [...projects.values()].toSorted((one, other) =>
          sortBy === "NAME" ? one.name.localeCompare(other.name, "en") : time(one) - time(other),
        );
        const names = sorted.map(({ name }) => name);
        const { items, ...more } = page(sortOrder === "DESCENDING" ? names.toReversed() : names, nextToken);
        return { projects: items, ...more };
      },
    },
  };
}

/** @throws AwsError InvalidInputException when a timeout is outside of what CodeBuild allows. */
export function checkTimeouts(input: {
  timeoutInMinutes?: number | undefined;
  queuedTimeoutInMinutes?: number | undefined;
}): void {
  const check = (name: string, value: number | undefined, [least, most]: readonly [number, number]) => {
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
    throw new AwsError(
      "InvalidInputException",
      `Invalid ${name}: it is a whole number from ${least} to ${most}, not ${value}.`,
    );
  };
  check("timeoutInMinutes", input.timeoutInMinutes, TIMEOUT_MINUTES);
  check("queuedTimeoutInMinutes", input.queuedTimeoutInMinutes, QUEUED_TIMEOUT_MINUTES);
}

function checkName(name = ""): string {
  if (/^[A-Za-z0-9][A-Za-z0-9\-_]{1,149}$/.test(name)) return name;
  throw new AwsError(
    "InvalidInputException",
    `Invalid project name: "${name.slice(0, 80)}". It has 2 to 150 letters, digits, "-" and "_".`,
  );
}

function checkSource(source: codebuild.ProjectSource | undefined): void {
  if (source?.type === undefined) {
    throw new AwsError("InvalidInputException", "A project needs a source with a type.");
  }
  if (source.type === "NO_SOURCE" && !source.buildspec?.includes("\n")) {
    throw new AwsError("InvalidInputException", "A project without source needs its buildspec inline.");
  }
  if (source.type !== "NO_SOURCE" && source.type !== "CODEPIPELINE" && source.location === undefined) {
    throw new AwsError("InvalidInputException", `A source of type ${source.type} needs a location.`);
  }
}

function checkOutputs(input: Pick<codebuild.UpdateProjectInput, "artifacts" | "secondaryArtifacts">): void {
  for (const artifacts of [input.artifacts, ...(input.secondaryArtifacts ?? [])]) checkArtifacts(artifacts);
}

function withDefaults(input: codebuild.CreateProjectCommandInput): codebuild.Project {
  return {
    ...timeoutsOf(input),
    artifacts: { type: "NO_ARTIFACTS" },
    cache: { type: "NO_CACHE" },
    badge: { badgeEnabled: false },
    ...withoutUndefined(input),
  };
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  const kept: Partial<T> = { ...value };
  for (const name of Object.keys(kept)) {
    if (Reflect.get(kept, name) === undefined) Reflect.deleteProperty(kept, name);
  }
  return kept;
}
