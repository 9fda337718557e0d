import { AppRunnerClient, CreateServiceCommand } from "@aws-sdk/client-apprunner";
import { ECSClient, ListTasksCommand, RegisterTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import type { Connection } from "../../aws/connection.ts";
import type { Statement } from "../../local/iam/roles.ts";
import { connectInRole } from "../simulation/credentials.ts";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";

/** Changes the statements of a role, as somebody would who thought too little of them. */
function mistake(world: SimulatedWorld, name: string, change: (statement: Statement) => Statement): void {
  const role = world.aws.iam.roles().find(({ arn }) => arn.endsWith(`:role/${name}`));
  if (role === undefined) throw new Error(`there is no role ${name}`);
  const statements = role.statements.map(change);
  expect(statements).not.toEqual(role.statements);
  world.aws.iam.putRole({ ...role, statements });
}

/** Releases to a world in which a role was changed, and expects to be told what it may not do. */
async function expectDenied(
  role: string,
  action: string,
  change: (statement: Statement) => Statement,
): Promise<void> {
  const world = await createWorld();
  mistake(world, role, change);
  const id = await world.release("aaaaaaa");
  const release = await world.clock.runUntil(world.records.requireRelease(id));
  const began = world.clock.now();
  await world.close();
  expect(release.outcome).not.toBe("Released");
  expect(release.reason).toContain("AccessDenied");
  expect(release.reason).toContain(
    `User: arn:aws:sts::000000000000:assumed-role/${role}/${role} is not authorized to perform: ${action} on resource: arn:aws:`,
  );
  expect(release.reason).toContain("Deploy this version of Spillway again");
  // It is not tried again and again.
  expect(began - release.openedAt).toBeLessThan(10 * 60_000);
}

describe("a right that is missing", () => {
  const cases = [
    { role: "spillway-RunStage", action: "codebuild:StartBuild" },
    { role: "spillway-CheckDatabase", action: "ecs:RunTask" },
    { role: "spillway-StartDeployment", action: "iam:PassRole" },
  ];
  it.each(cases)("$action of $role: the release says what is missing", async ({ role, action }) =>
    expectDenied(role, action, (statement) => ({
      ...statement,
      actions: statement.actions.filter((one) => one !== action),
    })),
  );
});

describe("a condition that demands the wrong thing", () => {
  const cases = [
    { role: "spillway-CheckDatabase", service: "apprunner.amazonaws.com" },
    { role: "spillway-StartDeployment", service: "ecs-tasks.amazonaws.com" },
  ];
  it.each(cases)("$service of $role: the release says what is missing", async ({ role, service }) =>
    expectDenied(role, "iam:PassRole", (statement) => ({
      ...statement,
      conditions: (statement.conditions ?? []).map((condition) =>
        condition.variable === "iam:PassedToService" ? { ...condition, values: [service] } : condition,
      ),
    })),
  );
});

describe("a function that goes a step beside its rights", () => {
  const here = "arn:aws:iam::000000000000:role";
  const image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/web:aaaaaaa";
  const cases: readonly [string, string, string, (client: Connection["client"]) => Promise<unknown>][] = [
    [
      "lists the tasks of another cluster",
      "CheckDatabase",
      "ecs:ListTasks on resource: *",
      (client) => new ECSClient(client).send(new ListTasksCommand({ cluster: "other" })),
    ],
    [
      "gives a migration the role of the running service",
      "CheckDatabase",
      `iam:PassRole on resource: ${here}/spillway-web-production-instance`,
      (client) =>
        new ECSClient(client).send(
          new RegisterTaskDefinitionCommand({
            family: "spillway-web-production-migration",
            containerDefinitions: [{ name: "migration", image }],
            taskRoleArn: `${here}/spillway-web-production-instance`,
          }),
        ),
    ],
    [
      "has App Runner pull images by the role of the running service",
      "StartDeployment",
      `iam:PassRole on resource: ${here}/spillway-web-production-instance`,
      (client) =>
        new AppRunnerClient(client).send(
          new CreateServiceCommand({
            ServiceName: "spillway-web-production",
            SourceConfiguration: {
              AuthenticationConfiguration: { AccessRoleArn: `${here}/spillway-web-production-instance` },
              ImageRepository: { ImageIdentifier: image, ImageRepositoryType: "ECR" },
            },
          }),
        ),
    ],
    [
      "changes a service that is not Spillway's",
      "StartDeployment",
      "apprunner:CreateService on resource: arn:aws:apprunner:us-east-1:000000000000:service/shop/*",
      (client) =>
        new AppRunnerClient(client).send(
          new CreateServiceCommand({
            ServiceName: "shop",
            SourceConfiguration: { ImageRepository: { ImageIdentifier: image, ImageRepositoryType: "ECR" } },
          }),
        ),
    ],
  ];
  it.each(cases)("%s: is refused", async (_, name, action, ask) => {
    const world = await createWorld();
    const session = { roleArn: `${here}/spillway-${name}`, sessionName: name };
    const { client } = connectInRole(world.connection, world.aws.iam, session);
    const answer = await world.clock.runUntil(ask(client).catch((error: unknown) => error));
    await world.close();
    expect(answer).toMatchObject({ name: "AccessDeniedException" });
    expect(String(answer)).toContain(`is not authorized to perform: ${action} `);
  });
});
