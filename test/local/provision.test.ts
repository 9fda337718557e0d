import { BatchGetProjectsCommand, CodeBuildClient } from "@aws-sdk/client-codebuild";
import {
  DescribeRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  PutRuleCommand,
} from "@aws-sdk/client-eventbridge";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { DescribeStateMachineCommand, SFNClient } from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import type { Application } from "../../infra/application.ts";
import { type Provisioning, provision } from "../../local/provision.ts";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

describe("a second provisioning", () => {
  it("changes what differs, leaves the rest, and removes only the rules that it had made", async () => {
    world = await createWorld();
    const { client } = world.connection;
    const again = (application: Application, rest: Partial<Provisioning> = {}) =>
      world.clock.runUntil(provision(world.aws, { ...world.provisioning, ...rest, application }));
    const { application } = world.provisioning;
    const same = await again(application);
    expect(same.machines).toEqual(world.made.machines);

    const events = new EventBridgeClient(client);
    await events.send(new PutRuleCommand({ Name: "of-a-person", EventPattern: '{"source":["x"]}' }));
    const [secret = ""] = application.secrets;
    await again(
      {
        ...application,
        rules: application.rules.filter(({ name }) => name !== "BuildEnded"),
        projects: application.projects.map((project) => ({ ...project, timeoutMinutes: 17 })),
      },
      { secrets: { ...world.provisioning.secrets, [secret]: "changed" } },
    );
    const { Rules = [] } = await events.send(new ListRulesCommand({}));
    const names = Rules.map(({ Name }) => Name);
    expect(names).toContain("of-a-person");
    expect(names).toContain("EveryMinute");
    expect(names).not.toContain("BuildEnded");
    expect(await events.send(new DescribeRuleCommand({ Name: "EveryMinute" }))).toMatchObject({
      State: "ENABLED",
    });
    const value = new GetSecretValueCommand({ SecretId: secret });
    expect((await new SecretsManagerClient(client).send(value)).SecretString).toBe("changed");
    const [project] = application.projects;
    const found = await new CodeBuildClient(client).send(
      new BatchGetProjectsCommand({ names: [project?.name ?? ""] }),
    );
    expect(found.projects?.[0]?.timeoutInMinutes).toBe(17);
    const machine = new DescribeStateMachineCommand({ stateMachineArn: same.machines.ReleaseMachine });
    expect((await new SFNClient(client).send(machine)).status).toBe("ACTIVE");
  });

  it("leaves an installation that releases as before", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    await world.clock.runUntil(provision(world.aws, world.provisioning));
    const id = await world.release("bbbbbbb");
    expect(await world.clock.runUntil(world.records.requireRelease(id))).toMatchObject({
      outcome: "Released",
    });
  });
});
