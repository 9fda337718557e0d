import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { page } from "../../docs/operations.ts";
import { type FieldInstallation, startField } from "./installation.ts";
import { type Ended, hasTool, runTool } from "./tools.ts";

const commit = "3f2a91c";
const present = hasTool("aws", ["--version"], "the AWS CLI against the local AWS");
const hasSkopeo = hasTool("skopeo", ["--version"], "the commands of docs/local-aws.md that are skopeo's");
let field: FieldInstallation;
let machine: string;
/** The release that the push of the images made. */
let pushed: Record<string, unknown>;

/** Runs the CLI. `--endpoint-url`, since a CLI before 2.13 does not read AWS_ENDPOINT_URL. */
function run(...words: string[]): Promise<Ended> {
  const cli = ["--endpoint-url", field.url, "--output", "json", ...words];
  return runTool("aws", cli, field.environment);
}

/** What a command answers, as JSON. */
async function aws(...words: string[]) {
  const { code, stdout, stderr } = await run(...words);
  if (code !== 0) throw new Error(`aws ${words.join(" ")} ended with ${code}: ${stderr}`);
  return stdout.trim() === "" ? {} : JSON.parse(stdout);
}

/** The message of a command that the service refuses. */
async function refused(...words: string[]): Promise<string> {
  const { code, stderr } = await run(...words);
  // 254 in version 2 of the CLI, 255 in version 1.
  expect([254, 255], stderr).toContain(code);
  return stderr.trim();
}

/** Whether this version of the CLI does not know the command; says so on the terminal. */
function lacksCommand({ stderr }: Ended): boolean {
  // Version 2 names the command, version 1 lists those that it has.
  const [, command = "such command"] = /invalid choice(?:: '([\w-]+)')?/i.exec(stderr) ?? [undefined, ""];
  if (command !== "") console.warn(`skipped: aws has no ${command} in this version`);
  return command !== "";
}

/** Milliseconds since the epoch, of a time as version 2 of the CLI prints it (ISO 8601) or version 1 (seconds). */
function time(shown: string | number): number {
  return typeof shown === "number" ? shown * 1000 : Date.parse(shown);
}

const isRecent = (shown: string | number) => Math.abs(Date.now() - time(shown)) < 10 * 60_000;

beforeAll(async () => {
  if (!present) return;
  field = await startField();
  machine = field.made.machines.ReleaseMachine ?? "";
  await field.push(await field.prepare(commit), commit);
  pushed = await field.ended(() => true);
});
afterAll(() => field?.stop());

describe.skipIf(!present)("the three ways in, from outside", () => {
  const outcome = ({ output }: Record<string, unknown>) => JSON.parse(String(output));

  it("releases an image that is pushed", () => {
    expect(pushed).toMatchObject({ status: "SUCCEEDED" });
    expect(outcome(pushed)).toMatchObject({
      outcome: "Released",
      release: expect.stringMatching(/^web-.*-1$/),
    });
  });

  it("releases what a person starts", async () => {
    const { executionArn, startDate } = await aws(
      ...["stepfunctions", "start-execution", "--state-machine-arn", machine],
      ...["--input", JSON.stringify({ service: "web", tag: commit })],
    );
    expect(isRecent(startDate)).toBe(true);
    await field.ended((detail) => detail.executionArn === executionArn);
    const described = await aws("stepfunctions", "describe-execution", "--execution-arn", executionArn);
    expect(described.status).toBe("SUCCEEDED");
    expect(outcome(described)).toMatchObject({ outcome: "Released", release: expect.stringMatching(/-2$/) });
  });

  it("releases what another system requests", async () => {
    const entry = {
      Source: "example.chat",
      DetailType: "Release Requested",
      EventBusName: field.made.bus,
      Detail: JSON.stringify({ service: "web", tag: commit }),
    };
    const answer = await aws("events", "put-events", "--entries", JSON.stringify([entry]));
    expect(answer).toMatchObject({ FailedEntryCount: 0, Entries: [{ EventId: expect.any(String) }] });
    const { EventId } = answer.Entries[0];
    const ended = await field.ended(({ input }) => String(input).includes(EventId));
    expect(outcome(ended)).toMatchObject({ outcome: "Released", release: expect.stringMatching(/-3$/) });
  });

  it("says in plain words what cannot be released", async () => {
    const { executionArn } = await aws(
      ...["stepfunctions", "start-execution", "--state-machine-arn", machine],
      ...["--input", '{"service":"nobody","tag":"x"}'],
    );
    const ended = await field.ended((detail) => detail.executionArn === executionArn);
    expect(`${ended.error} ${ended.cause} ${ended.output}`).toContain("nobody");
  });
});

describe.skipIf(!present)("aws stepfunctions", () => {
  const create = async (name: string, state: object) => {
    const definition = { QueryLanguage: "JSONata", StartAt: "S", States: { S: state } };
    const { stateMachineArn } = await aws(
      ...["stepfunctions", "create-state-machine", "--name", name],
      ...["--definition", JSON.stringify(definition)],
      ...["--role-arn", "arn:aws:iam::000000000000:role/any"],
    );
    return async () => {
      const started = await aws("stepfunctions", "start-execution", "--state-machine-arn", stateMachineArn);
      return String(started.executionArn);
    };
  };
  const describeIt = (executionArn: string) =>
    aws("stepfunctions", "describe-execution", "--execution-arn", executionArn);

  it("pages a history both ways", async () => {
    const history = (...words: string[]) =>
      aws("stepfunctions", "get-execution-history", "--execution-arn", String(pushed.executionArn), ...words);
    const ids = ({ events }: { events: { id: number }[] }) => events.map(({ id }) => id);
    const [whole, paged, reversed, first] = await Promise.all([
      history(),
      history("--page-size", "7"),
      history("--reverse-order", "--max-items", "2"),
      history("--max-items", "3", "--page-size", "2"),
    ]);
    expect(ids(whole)).toEqual(whole.events.map((_: unknown, index: number) => index + 1));
    expect(paged.events).toEqual(whole.events);
    expect(ids(reversed)).toEqual(ids(whole).slice(-2).toReversed());
    const rest = await history("--starting-token", first.NextToken);
    expect([...ids(first), ...ids(rest)]).toEqual(ids(whole));
    expect(whole.events[0]).toMatchObject({ type: "ExecutionStarted", previousEventId: 0 });
    expect(isRecent(whole.events[0].timestamp)).toBe(true);
  });

  it("lists executions and refuses a token that it never gave", async () => {
    const list = ["stepfunctions", "list-executions", "--state-machine-arn", machine];
    const { executions } = await aws(...list, "--status-filter", "SUCCEEDED", "--page-size", "1");
    expect(executions.length).toBeGreaterThan(1);
    expect(executions.at(-1)).toMatchObject({ executionArn: pushed.executionArn });
    expect(await refused(...list, "--no-paginate", "--next-token", "nonsense")).toContain("(InvalidToken)");
  });

  it("stops an execution", async () => {
    const start = await create("stopped", { Type: "Wait", Seconds: 600, End: true });
    const executionArn = await start();
    const stop = ["stepfunctions", "stop-execution", "--execution-arn", executionArn];
    const { stopDate } = await aws(...stop, "--error", "Enough", "--cause", "a person said so");
    expect(isRecent(stopDate)).toBe(true);
    expect(await describeIt(executionArn)).toMatchObject({
      status: "ABORTED",
      error: "Enough",
      cause: "a person said so",
    });
  });

  it("redrives an execution, where the CLI can", async ({ skip }) => {
    const asked = await run("stepfunctions", "redrive-execution");
    if (lacksCommand(asked)) skip("this version of the CLI has no redrive-execution");
    const start = await create("redriven", { Type: "Wait", Seconds: 600, End: true });
    const arn = ["--execution-arn", await start()];
    await aws("stepfunctions", "stop-execution", ...arn);
    expect(await describeIt(arn[1] ?? "")).toMatchObject({ redriveStatus: "REDRIVABLE", redriveCount: 0 });
    const { redriveDate } = await aws("stepfunctions", "redrive-execution", ...arn);
    expect(isRecent(redriveDate)).toBe(true);
    expect(await describeIt(arn[1] ?? "")).toMatchObject({
      status: "RUNNING",
      redriveCount: 1,
      redriveStatus: "NOT_REDRIVABLE",
      redriveStatusReason: "Execution is RUNNING and cannot be redriven",
    });
    await aws("stepfunctions", "stop-execution", ...arn);
    const succeeded = ["--execution-arn", String(pushed.executionArn)];
    expect(await refused("stepfunctions", "redrive-execution", ...succeeded)).toBe(
      "An error occurred (ExecutionNotRedrivable) when calling the RedriveExecution operation: Execution is SUCCEEDED and cannot be redriven",
    );
  });

  it("refuses by AWS's names", async () => {
    const nobody = String(pushed.executionArn).replace(/:[^:]*$/, ":nobody");
    const bad = ["stepfunctions", "start-execution", "--state-machine-arn", machine, "--input", "{"];
    const [missing, invalid, lacking] = await Promise.all([
      refused("stepfunctions", "describe-execution", "--execution-arn", nobody),
      refused(...bad),
      refused("stepfunctions", "list-activities"),
    ]);
    expect(missing).toContain("(ExecutionDoesNotExist) when calling the DescribeExecution operation");
    expect(invalid).toContain("(InvalidExecutionInput)");
    expect(lacking).toMatch(
      /\(NotImplemented\) when calling the ListActivities operation: .*does not implement ListActivities/,
    );
  });
});

describe.skipIf(!present)("the other services of the CLI", () => {
  it("aws sts tells who one is", async () => {
    expect(await aws("sts", "get-caller-identity")).toMatchObject({ Account: "000000000000" });
  });

  it("aws codebuild shows the builds of a stage", async () => {
    const project = ["--project-name", "spillway-web-unit-tests"];
    const { ids } = await aws("codebuild", "list-builds-for-project", ...project);
    const { builds, buildsNotFound } = await aws(
      "codebuild",
      "batch-get-builds",
      "--ids",
      ids[0],
      "a:nobody",
    );
    expect(builds).toMatchObject([{ id: ids[0], buildStatus: "SUCCEEDED", buildComplete: true }]);
    expect(buildsNotFound).toEqual(["a:nobody"]);
    expect(isRecent(builds[0].startTime)).toBe(true);
    expect(await refused("codebuild", "list-builds-for-project", "--project-name", "nobody")).toContain(
      "(ResourceNotFoundException)",
    );
  });

  it("aws apprunner shows the service and its operations", async () => {
    const { ServiceSummaryList } = await aws("apprunner", "list-services");
    const arn = ["--service-arn", ServiceSummaryList[0].ServiceArn];
    const [{ Service }, { OperationSummaryList }, one] = await Promise.all([
      aws("apprunner", "describe-service", ...arn),
      aws("apprunner", "list-operations", ...arn),
      aws("apprunner", "list-operations", ...arn, "--max-results", "1"),
    ]);
    expect(Service).toMatchObject({ ServiceName: "spillway-web-production", Status: "RUNNING" });
    expect(OperationSummaryList.at(-1)).toMatchObject({ Type: "CREATE_SERVICE", Status: "SUCCEEDED" });
    expect(isRecent(OperationSummaryList[0].StartedAt)).toBe(true);
    expect(one.OperationSummaryList).toEqual([OperationSummaryList[0]]);
    const next = ["--max-results", "1", "--next-token", one.NextToken];
    expect((await aws("apprunner", "list-operations", ...arn, ...next)).OperationSummaryList).toEqual([
      OperationSummaryList[1],
    ]);
    expect(await refused("apprunner", "list-operations", ...arn, "--next-token", "nonsense")).toContain(
      "(InvalidRequestException)",
    );
  });

  it("aws ecs shows tasks, runs one and stops it", async () => {
    const cluster = ["--cluster", "spillway"];
    const { taskArns } = await aws("ecs", "list-tasks", ...cluster, "--desired-status", "STOPPED");
    const nobody = taskArns[0].replace(/[^/]*$/, "nobody");
    const { tasks, failures } = await aws(
      "ecs",
      "describe-tasks",
      ...cluster,
      "--tasks",
      taskArns[0],
      nobody,
    );
    expect(tasks).toMatchObject([{ lastStatus: "STOPPED", containers: [{ exitCode: 0 }] }]);
    expect(failures).toEqual([{ arn: nobody, reason: "MISSING" }]);
    const subnets = "awsvpcConfiguration={subnets=[subnet-local]}";
    const again = ["--task-definition", tasks[0].taskDefinitionArn, "--launch-type", "FARGATE"];
    const started = await aws("ecs", "run-task", ...cluster, ...again, "--network-configuration", subnets);
    expect(started).toMatchObject({ failures: [], tasks: [{ lastStatus: "PROVISIONING" }] });
    const task = ["--task", started.tasks[0].taskArn];
    expect((await aws("ecs", "stop-task", ...cluster, ...task)).task.taskArn).toBe(task[1]);
    expect(await refused("ecs", "run-task", ...cluster, "--task-definition", "nobody")).toContain(
      "(ClientException)",
    );
    expect(await refused("ecs", "list-tasks", "--cluster", "nobody")).toContain("(ClusterNotFoundException)");
  });

  it("aws logs reads the migration's log", async () => {
    const group = ["--log-group-name", "/spillway/spillway/migrations"];
    const { logStreams } = await aws("logs", "describe-log-streams", ...group);
    const stream = ["--log-stream-name", logStreams[0].logStreamName];
    const [read, filtered] = await Promise.all([
      aws("logs", "get-log-events", ...group, ...stream, "--start-from-head"),
      aws("logs", "filter-log-events", ...group, "--filter-pattern", '"asked to"'),
    ]);
    expect(read.events[0].message).toMatch(/^asked to /);
    expect(read.nextForwardToken).toEqual(expect.any(String));
    expect(filtered.events[0].message).toMatch(/^asked to /);
    expect(isRecent(new Date(read.events[0].timestamp).toISOString())).toBe(true);
    const end = ["--next-token", read.nextForwardToken, "--start-from-head"];
    expect(await aws("logs", "get-log-events", ...group, ...stream, ...end)).toMatchObject({
      events: [],
      nextForwardToken: read.nextForwardToken,
    });
    expect(await refused("logs", "describe-log-streams", "--log-group-name", "nobody")).toContain(
      "(ResourceNotFoundException)",
    );
  });

  it("aws logs tail follows a group, where the CLI has it", async ({ skip }) => {
    const tail = await run("logs", "tail", "/spillway/spillway/migrations", "--since", "1h");
    if (lacksCommand(tail)) skip("this version of the CLI has no logs tail");
    expect(tail.stdout).toContain("asked to");
  });

  it("aws ecr shows images and gives a password", async () => {
    const web = ["--repository-name", "web"];
    const { imageDetails } = await aws("ecr", "describe-images", ...web, "--image-ids", `imageTag=${commit}`);
    expect(imageDetails[0]).toMatchObject({ imageTags: [commit], repositoryName: "web" });
    expect(isRecent(imageDetails[0].imagePushedAt)).toBe(true);
    const { imageIds } = await aws("ecr", "list-images", ...web, "--filter", "tagStatus=TAGGED");
    expect(imageIds).toEqual([{ imageTag: commit, imageDigest: imageDetails[0].imageDigest }]);
    expect((await run("ecr", "get-login-password")).stdout.trim()).toMatch(/^[\w.-]{40,}$/);
    expect(await refused("ecr", "describe-images", ...web, "--image-ids", "imageTag=nobody")).toContain(
      "(ImageNotFoundException)",
    );
  });

  it("aws secretsmanager, dynamodb and lambda answer", async () => {
    const file = join(field.folder, "answer.json");
    const values = JSON.stringify({ ":service": { S: "SERVICE#web" } });
    const query = ["--key-condition-expression", "pk = :service", "--expression-attribute-values", values];
    const [secret, { Items }, invoked] = await Promise.all([
      aws("secretsmanager", "get-secret-value", "--secret-id", "web/production/database"),
      aws("dynamodb", "query", "--table-name", field.made.table, ...query),
      aws("lambda", "invoke", "--function-name", "spillway-Reconcile", file),
    ]);
    expect(secret.SecretString).toBe("postgres://nobody.example/web");
    expect(isRecent(secret.CreatedDate)).toBe(true);
    expect(Items[0].sk).toEqual({ S: "ENVIRONMENT#production" });
    expect(invoked.StatusCode).toBe(200);
    expect(await readFile(file, "utf8")).not.toContain("errorType");
    expect(await refused("secretsmanager", "get-secret-value", "--secret-id", "nobody")).toContain(
      "(ResourceNotFoundException)",
    );
  });
});

const pages = ["local-aws.md", "getting-started.md", "operate-from-aws.md"];

describe.skipIf(!present).each(pages)("docs/%s", (file) => {
  it("has commands that run as they are written", async () => {
    const text = await readFile(join(page, "..", file), "utf8");
    // What is indented is a command; only the address and the installation are others here, and what a reader fills in.
    const commands = text
      .split("\n")
      .filter((line) => line.startsWith("    ") && (hasSkopeo || !line.includes("skopeo")))
      .map((line) => line.trim().replaceAll("127.0.0.1:4566", new URL(field.url).host))
      .map((line) => line.replaceAll(/\bTAG\b/g, commit).replaceAll("spillway-production", "spillway"))
      .map((line) => line.replaceAll("web-3f2a91c0d4e5-1", JSON.parse(String(pushed.output)).release))
      .filter((line) => !/^(git|npm) /.test(line));
    expect(commands.length).toBeGreaterThan(file === "local-aws.md" ? 20 : 5);
    // A page for an account says nothing of an endpoint.
    const local = file === "operate-from-aws.md" ? field.environment : {};
    const cli = `aws() { command aws --endpoint-url ${field.url} "$@"; }`;
    const script = ["set -euo pipefail", `cd ${field.folder}`, cli, ...commands].join("\n");
    const { PATH = "" } = process.env;
    const own = { PATH, HOME: field.folder, AWS_PAGER: "", XDG_RUNTIME_DIR: field.folder };
    const ended = await runTool("bash", ["-c", script], { ...local, ...own });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    if (hasSkopeo && file === "local-aws.md") expect(ended.stdout).toContain("Login Succeeded");
    if (file !== "operate-from-aws.md") return;
    // The record that the page finds, and what it starts.
    expect(ended.stdout).toContain('"SUCCEEDED"');
    expect(ended.stdout).toContain('"FailedEntryCount": 0');
  });
});

describe.skipIf(!present).each(["operate-from-aws.md", "deploy.md"])("docs/%s", (file) => {
  it("has commands for what only an account has, with words and files that the AWS CLI takes", async () => {
    const text = await readFile(join(page, "..", file), "utf8");
    const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, lines = ""]) => lines);
    expect(blocks.length).toBeGreaterThan(2);
    // Nobody listens there: a command that gets as far as that is one.
    const check = [
      "aws() {",
      '  local said; said="$(command aws --endpoint-url http://127.0.0.1:9 "$@" 2>&1)" && return',
      '  case "$said" in *"Could not connect to the endpoint"*) ;; *) echo "$said" >&2; return 1 ;; esac',
      "}",
    ];
    // What a reader has: this repository, and a secret in a file.
    const around = [
      `cd "$(mktemp -d -p ${field.folder})"`,
      `ln -s ${join(import.meta.dirname, "../../examples")} examples`,
      "echo '{}' > database.json",
    ];
    const script = ["set -euo pipefail", ...around, ...check, ...blocks].join("\n");
    const keys = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local", AWS_MAX_ATTEMPTS: "1" };
    const { PATH = "", HOME = "" } = process.env;
    const environment = { ...keys, PATH, HOME, AWS_PAGER: "", AWS_DEFAULT_REGION: "us-east-1" };
    expect(await runTool("bash", ["-c", script], environment)).toMatchObject({ code: 0, stderr: "" });
  });
});
