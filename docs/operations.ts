import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createRealClock } from "../local/asl/real-clock.ts";
import type { ServedOperations } from "../local/gateway.ts";
import { startLaptop } from "../local/laptop.ts";

/** The page that tells what is served. */
export const page = join(import.meta.dirname, "local-aws.md");

/** What the AWS CLI calls the services. */
const commands: Readonly<Record<string, string>> = {
  AWSStepFunctions: "stepfunctions",
  AWSEvents: "events",
  Logs_20140328: "logs",
  secretsmanager: "secretsmanager",
  AmazonEC2ContainerRegistry_V20150921: "ecr",
  CodeBuild_20161006: "codebuild",
  AmazonEC2ContainerServiceV20141113: "ecs",
  AppRunner: "apprunner",
  GraniteServiceVersion20100801: "cloudwatch",
  DynamoDB_20120810: "dynamodb",
  Lambda: "lambda",
  STS: "sts",
};
const [begin, end] = ["<!-- operations: begin -->", "<!-- operations: end -->"];

/** What a local AWS serves, as a table. @throws TypeError for a service without a command. */
export function renderOperations(served: readonly ServedOperations[]): string {
  const rows = [...Map.groupBy(served, ({ target }) => target)].map(([target, parts]) => {
    const command = commands[target];
    if (command === undefined) throw new TypeError(`docs/operations.ts does not know the service ${target}.`);
    const operations = parts.flatMap((part) => part.operations).toSorted();
    return `| \`aws ${command}\` | ${operations.join(", ")} |`;
  });
  return ["| Service | Operations |", "|---|---|", ...rows.toSorted()].join("\n");
}

/** Puts the table in its place in the page's text. @throws TypeError for a page without that place. */
export function withOperations(text: string, table: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new TypeError(`${page} has no place for the table: ${begin} … ${end}.`);
  return `${text.slice(0, from)}${begin}\n${table}\n${text.slice(to)}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const folder = await mkdtemp(join(tmpdir(), "spillway-operations-"));
  const laptop = await startLaptop({
    clock: createRealClock(),
    folder,
    port: 0,
    sources: () => undefined,
    path: "",
    network: {},
    onEvent: () => {},
    onFault: (where, error) => console.error(where, error),
  });
  const table = renderOperations(laptop.aws.gateway.served);
  await laptop.stop();
  await rm(folder, { recursive: true, force: true });
  await writeFile(page, withOperations(await readFile(page, "utf8"), table));
  console.log("docs/local-aws.md");
}
