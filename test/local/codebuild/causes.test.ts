import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EndedBuild, spec, startBuilds } from "./laptop-builds.ts";

let builds: Awaited<ReturnType<typeof startBuilds>>;
const secret = "first line of it\nsecond-line-of-it";
beforeAll(async () => {
  builds = await startBuilds({
    project: {
      environment: {
        type: "LINUX_CONTAINER",
        image: "aws/codebuild/standard:7.0",
        computeType: "BUILD_GENERAL1_SMALL",
        environmentVariables: [
          { name: "KEY", type: "SECRETS_MANAGER", value: "key" },
          { name: "PASSWORD", type: "SECRETS_MANAGER", value: "password" },
        ],
      },
    },
  });
  const secrets = new SecretsManagerClient(builds.settings);
  await secrets.send(new CreateSecretCommand({ Name: "key", SecretString: secret }));
  await secrets.send(new CreateSecretCommand({ Name: "password", SecretString: "p4ss/word+&1" }));
});
afterAll(() => builds.stop());

const failedPhases = ({ phases }: EndedBuild) =>
  phases
    ?.filter(({ phaseStatus }) => phaseStatus === "FAILED")
    .map(({ phaseType, contexts }) => [phaseType, contexts?.[0]?.statusCode, contexts?.[0]?.message]);

describe("a failed build", () => {
  it("carries the command and its status, and its last lines are in its log when its event comes", async () => {
    const command = "for n in $(seq 2000); do echo line $n; done; printf 'no newline'; exit 3";
    const build = await builds.build(spec({ build: [command] }));
    expect(failedPhases(build)).toEqual([
      [
        "BUILD",
        "COMMAND_EXECUTION_ERROR",
        `Error while executing command: ${command}. Reason: exit status 3`,
      ],
    ]);
    expect(build.output.slice(-2)).toEqual(["line 2000", "no newline"]);
    expect(build.notes).toContain(`Command did not exit successfully ${command} exit status 3`);
    const { groupName, streamName, deepLink } = build.logs ?? {};
    expect(groupName).toBe("/aws/codebuild/web");
    expect(build.id).toBe(`web:${streamName}`);
    expect(deepLink).toContain(`group=${groupName};stream=${streamName}`);
  });

  it("has no terminal escape in its causes", async () => {
    const build = await builds.build(spec({ build: ["false '\u001b[2Jcleared\u0007'"] }));
    expect(failedPhases(build)?.[0]?.[2]).toBe(
      "Error while executing command: false 'cleared'. Reason: exit status 1",
    );
    expect(JSON.stringify([build.phases, build.notes, build.output])).not.toMatch(/\\u001b|\\u0007/);
  });
});

describe("a secret in what a build prints", () => {
  it.each([
    ["a value of several lines", 'echo "$KEY"', ["***", "***"]],
    ["a part of a line", 'echo "url=postgres://x:$PASSWORD@host"', ["url=postgres://x:***@host"]],
    ["printed in two writes", `printf 'p4ss/'; printf 'word+&1\\n'`, ["***"]],
    ["in colours", `printf 'p4ss/\\033[31mword\\033[0m+&1\\n'`, ["***"]],
    ["in base64", 'printf %s "$PASSWORD" | base64', ["***"]],
    ["in a URL", "node -p 'encodeURIComponent(process.env.PASSWORD)'", ["***"]],
    ["in JSON", "node -p 'JSON.stringify([process.env.KEY])'", ['["***"]']],
  ])("is hidden: %s", async (_how, command, output) => {
    const build = await builds.build(spec({ build: [command] }));
    expect(build.output).toEqual(output.map((line) => expect.stringMatching(pattern(line))));
  });

  it("is hidden in commands, causes and exported variables too", async () => {
    const build = await builds.build(
      spec(
        { build: ["export GIVEN=$PASSWORD", "false p4ss/word+&1 && true"] },
        { env: { "exported-variables": ["GIVEN"] } },
      ),
    );
    expect(build.buildStatus).toBe("FAILED");
    expect(build.exportedEnvironmentVariables).toEqual([{ name: "GIVEN", value: "***" }]);
    expect(JSON.stringify(failedPhases(build))).not.toContain("p4ss/word");
    expect([...build.output, ...build.notes].join("\n")).not.toContain("p4ss/word");
  });

  it("is hidden where a line was too long and was cut in the middle of it", async () => {
    const commands = [8180, 8186, 8190].map((length) => `printf '%0${length}d%s tail\\n' 0 "$PASSWORD"`);
    const build = await builds.build(spec({ build: commands }));
    const output = build.output.join("");
    expect(output).not.toMatch(/p4ss|word\+/);
    expect(output.match(/\*\*\*/g)).toHaveLength(3);
    expect(output.match(/ tail/g)).toHaveLength(3);
  });
});

/** A line, with nothing but what base64 pads with after it. */
function pattern(line: string): RegExp {
  return new RegExp(`^${line.replaceAll(/[[\]*?.+/$^|(){}\\]/g, "\\$&")}=*$`);
}
