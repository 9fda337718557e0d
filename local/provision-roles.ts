import type { AccountDescription, Application } from "../infra/application.ts";
import { type Place, roleArn, type Statement } from "../infra/arns.ts";
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
import type { World } from "./world.ts";

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

/** The network that is named to ECS and to builds. Here they reach what this machine reaches. */
export const localNetwork = { subnets: ["subnet-local"], securityGroups: ["sg-local"] };

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
  const place = placeIn(application, application, world);
  const make = (name: string, statements: readonly Statement[]) =>
    iam.putRole({ arn: roleArn(place, name), statements });
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
    make(
      roleNames.project(project.name),
      projectStatements(project, place, { secrets, artifacts, network: localNetwork }),
    );
  makeEnvironmentRoles(iam, application, application, { place, home: place, secrets });
}

/** Makes the roles that environments need in the account where they run. */
export function makeEnvironmentRoles(
  iam: LocalAws["iam"],
  application: Application,
  account: AccountDescription,
  { place, home, secrets }: { readonly place: Place; readonly home: Place; readonly secrets: Secrets },
): void {
  const make = (name: string, statements: readonly Statement[]) =>
    iam.putRole({ arn: roleArn(place, name), statements });
  make(roleNames.migrationTask(application), []);
  make(roleNames.targetAccess(application), accessStatements(account, home));
  for (const environment of account.environments) {
    const { target } = environment;
    make(
      roleNames.migrationExecution(target),
      migrationStatements(environment, account, place, home, secrets),
    );
    make(roleNames.targetInstance(target), instanceStatements(environment, secrets));
  }
}

/** An account of the local AWS, and the roles that its environments have there. */
export function placeIn(
  application: Application,
  { environments }: AccountDescription,
  { region, accountId }: Pick<World, "region" | "accountId">,
): Place {
  const place = { partition: "aws", region, account: accountId };
  const arn = (name: string) => roleArn(place, name);
  const targets = environments.map(({ target }) => target);
  return {
    ...place,
    roles: {
      "migration-roles": [
        arn(roleNames.migrationTask(application)),
        ...targets.map((target) => arn(roleNames.migrationExecution(target))),
      ],
      "target-access-role": [arn(roleNames.targetAccess(application))],
      "target-instance-roles": targets.map((target) => arn(roleNames.targetInstance(target))),
    },
  };
}
