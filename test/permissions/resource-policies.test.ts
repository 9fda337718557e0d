import { describe, expect, it } from "vitest";
import { parseConfig } from "../../core/config.ts";
import { describeApplication } from "../../infra/application.ts";
import { busStatements, repositoryStatements } from "../../infra/resource-policies.ts";
import { type ForeignRequest, grantsForeigner } from "../../local/iam/resource-policy.ts";
import { twoEnvironments } from "../simulation/environments.ts";

const [home, member, trusted, stranger] = ["123456789012", "210987654321", "345678901234", "999999999999"];

/** Staging at home, production in another account. */
function application() {
  const config = twoEnvironments();
  const { production } = config.services.web?.environments ?? {};
  if (production === undefined) throw new Error("the example has a production");
  Object.assign(production, { account: { id: member, externalId: "3f2a91c0d4e5" } });
  return describeApplication(parseConfig({ ...config, aws: { account: home } }), "spillway");
}

const textOf = (statements: readonly object[]) => JSON.stringify({ Statement: statements });

const putting = (accountId: string, source: string, detailType: string): ForeignRequest => ({
  accountId,
  action: "events:PutEvents",
  keys: { "events:source": source, "events:detail-type": detailType },
});

const taskStopped = "ECS Task State Change";
const operationEnded = "AppRunner Service Operation Status Change";

describe("the policy of the bus", () => {
  const text = textOf(busStatements(application(), [trusted], "aws", "arn:bus"));
  const taken = [
    putting(member, "aws.ecs", taskStopped),
    putting(member, "aws.apprunner", operationEnded),
    putting(trusted, "my.ci", "Release Requested"),
  ];
  const refused: [string, ForeignRequest][] = [
    ["of an account that nobody named", putting(stranger, "my.ci", "Release Requested")],
    ["of an account that nobody named, as of ECS", putting(stranger, "aws.ecs", taskStopped)],
    ["of a member that asks for a release", putting(member, "my.ci", "Release Requested")],
    ["of a member that asks for a release as ECS", putting(member, "aws.ecs", "Release Requested")],
    ["of a member that tells of builds", putting(member, "aws.codebuild", "CodeBuild Build State Change")],
    ["of a trusted account that says to be ECS", putting(trusted, "aws.ecs", taskStopped)],
    [
      "of a member that changes rules",
      { ...putting(member, "aws.ecs", taskStopped), action: "events:PutRule" },
    ],
    ["of a member, without circumstances", { accountId: member, action: "events:PutEvents" }],
  ];

  it("takes what members forward, and what trusted accounts ask for", () => {
    for (const request of taken) expect(grantsForeigner(text, request), JSON.stringify(request)).toBe(true);
  });

  it.each(refused)("refuses an event %s", (_, request) => {
    expect(grantsForeigner(text, request)).toBe(false);
  });

  it("says nothing that no event needs: with any other account or value in its place, one is refused", () => {
    const said = [
      member,
      trusted,
      "aws.ecs",
      "aws.apprunner",
      taskStopped,
      operationEnded,
      "Release Requested",
    ];
    for (const value of said) {
      const otherwise = text.replaceAll(value, value === member || value === trusted ? stranger : "another");
      expect(otherwise, value).not.toBe(text);
      expect(
        taken.filter((request) => !grantsForeigner(otherwise, request)),
        value,
      ).not.toEqual([]);
    }
    const values = [...text.matchAll(/"(\d{12}|aws\.\w+|[A-Z]\w+( \w+)+)"|::(\d{12}):/g)].map(
      ([, value, , account]) => value ?? account,
    );
    expect([...new Set(values)].toSorted()).toEqual(said.toSorted());
  });
});

describe("the policy of a repository", () => {
  it("lets the account pull where its service runs, and neither push nor let in others", () => {
    for (const repository of ["web", "web-migrate"]) {
      const text = textOf(repositoryStatements(application(), "aws", repository));
      const may = (accountId: string, action: string) => grantsForeigner(text, { accountId, action });
      expect(may(member, "ecr:BatchGetImage")).toBe(true);
      expect(may(stranger, "ecr:BatchGetImage")).toBe(false);
      for (const action of ["ecr:PutImage", "ecr:BatchDeleteImage", "ecr:InitiateLayerUpload"])
        expect(may(member, action), action).toBe(false);
    }
    expect(repositoryStatements(application(), "aws", "shop")).toEqual([]);
  });
});
