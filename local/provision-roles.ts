import type { Application } from "../infra/application.ts";
import type { Place, Statement } from "../infra/arns.ts";
import { placeholdersOf } from "../infra/render.ts";
import {
  accessStatements,
  functionStatements,
  instanceStatements,
  machineStatements,
  migrationStatements,
  projectStatements,
  ruleStatements,
  type Secrets,
} from "../infra/roles.ts";
import type { LocalAws } from "./aws.ts";

/** The ARN of a role by its name. */
type RoleArn = (name: string) => string;

/** The names of an installation's roles; in AWS each has some characters more. */
export const roleNames = {
  function: ({ prefix }: Application, name: string) => `${prefix}-${name}`,
  machine: ({ prefix }: Application, name: string) => `${prefix}-${name}`,
  rule: ({ prefix }: Application, name: string) => `${prefix}-${name}Rule`,
  project: (project: string) => `${project}-build`,
  migrationTask: ({ prefix }: Application) => `${prefix}-migration`,
  migrationExecution: (target: string) => `${target}-migration`,
  targetAccess: ({ prefix }: Application) => `${prefix}-apprunner-access`,
  targetInstance: (target: string) => `${target}-instance`,
};

/** The bucket in which builds leave their artifacts. */
export function artifactsBucket({ prefix }: Application): string {
  return `${prefix}-artifacts`;
}

/**
 * Makes a role for everything that runs or acts, with the statements that it has in AWS, too.
 * @param definitions the files of the machines.
 */
export function makeRoles(
  { iam, world }: LocalAws,
  application: Application,
  { secrets, definitions }: { secrets: Secrets; definitions: Readonly<Record<string, string>> },
): void {
  const arn: RoleArn = (name) => `arn:aws:iam::${world.accountId}:role/${name}`;
  const place = placeOf(application, world, arn);
  const make = (name: string, statements: readonly Statement[]) =>
    iam.putRole({ arn: arn(name), statements });
  for (const fn of application.functions)
    make(roleNames.function(application, fn.name), functionStatements(fn, application, place));
  for (const [name, definition] of Object.entries(definitions))
    make(
      roleNames.machine(application, name),
      machineStatements(placeholdersOf(definition), application, place),
    );
  for (const rule of application.rules)
    make(roleNames.rule(application, rule.name), ruleStatements(rule, application, place));
  const artifacts = `arn:aws:s3:::${artifactsBucket(application)}`;
  for (const project of application.projects)
    make(roleNames.project(project.name), projectStatements(project, place, { secrets, artifacts }));
  make(roleNames.migrationTask(application), []);
  make(roleNames.targetAccess(application), accessStatements(application, place));
  for (const environment of application.environments) {
    const { target } = environment;
    make(
      roleNames.migrationExecution(target),
      migrationStatements(environment, application, place, place, secrets),
    );
    make(roleNames.targetInstance(target), instanceStatements(environment, secrets));
  }
}

function placeOf(application: Application, { region, accountId }: LocalAws["world"], arn: RoleArn): Place {
  const targets = application.environments.map(({ target }) => target);
  return {
    partition: "aws",
    region,
    account: accountId,
    roles: {
      "migration-roles": [
        arn(roleNames.migrationTask(application)),
        ...targets.map((target) => arn(roleNames.migrationExecution(target))),
      ],
      "target-roles": [
        arn(roleNames.targetAccess(application)),
        ...targets.map((target) => arn(roleNames.targetInstance(target))),
      ],
    },
  };
}
