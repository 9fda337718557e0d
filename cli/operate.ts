import { resolve } from "node:path";
import { styleText } from "node:util";
import * as z from "zod/mini";
import { connectRecords } from "../aws/dynamodb.ts";
import { connectFunctionUrls } from "../aws/function-url.ts";
import type { AuditEntry } from "../core/audit.ts";
import { tableName } from "../core/names.ts";
import { type Address, findInstallation } from "./address.ts";
import { UsageError } from "./arguments.ts";
import { shown } from "./lines.ts";
import { type OperateArguments, readOperateArguments } from "./operate-arguments.ts";

const Answer = z.union([
  z.object({ done: z.string() }),
  z.object({ error: z.string(), message: z.string() }),
]);

/** Sends what is asked for to the operator's door. @returns the exit status: 0 if it was done. */
async function ask(
  { connection, prefix }: Address,
  { action, members }: Extract<OperateArguments["ask"], { action: string }>,
): Promise<number> {
  const urls = connectFunctionUrls(connection);
  const door = await urls.find(`${prefix}-Operate`);
  const { status, body } = await urls.post(door, JSON.stringify({ action, ...members }));
  const answer = readAnswer(body);
  if (answer !== undefined && "done" in answer) {
    console.log(styleText("green", shown(answer.done)));
    return 0;
  }
  if (answer !== undefined) console.error(styleText("red", shown(`${answer.error}: ${answer.message}`)));
  else if (status === 403)
    console.error(
      styleText("red", shown(`AWS did not let you in (403): ${body.slice(0, 300)}\n`)) +
        `You need the policy of the installation's operators, whose ARN sst deploy prints as operatorPolicy.`,
    );
  else
    console.error(styleText("red", shown(`The operator's door answered ${status}: ${body.slice(0, 300)}`)));
  return 1;
}

function readAnswer(body: string): z.infer<typeof Answer> | undefined {
  try {
    return Answer.parse(JSON.parse(body));
  } catch {
    return undefined;
  }
}

/** Lists who asked for what by hand. */
async function listAudit({ connection, prefix }: Address, service: string): Promise<number> {
  const entries = await connectRecords(connection, tableName(prefix)).auditEntries(service);
  for (const entry of entries) console.log(renderEntry(entry));
  if (entries.length === 0) console.log(`Nobody has asked for anything by hand for ${service}.`);
  return 0;
}

function renderEntry({
  at,
  by,
  action,
  environment,
  release,
  digest,
  reason,
  done,
  refused,
}: AuditEntry): string {
  const subject = [release, digest, environment].filter((word) => word !== undefined).join(" ");
  const end = done ?? (refused === undefined ? "broken off half-way; ask again" : `refused: ${refused}`);
  const why = reason === undefined ? "" : `\n  because ${shown(reason)}`;
  return `${styleText("dim", new Date(at).toISOString())} ${styleText("bold", action)} ${shown(subject)} by ${shown(by)}${why}\n  ${shown(end)}`;
}

function signAs({ connection, prefix }: Address, name: string | undefined): Address {
  if (name === undefined) return { connection, prefix };
  if (connection.client.endpoint === undefined)
    throw new UsageError("--as is for a laptop; in AWS your credentials say who you are.");
  const credentials = { accessKeyId: name, secretAccessKey: "local" };
  return { prefix, connection: { ...connection, client: { ...connection.client, credentials } } };
}

try {
  const { ask: asked, as, folder, prefix } = readOperateArguments(process.argv.slice(2));
  const address = signAs(await findInstallation(resolve(folder), prefix, process.env), as);
  process.exitCode = "audit" in asked ? await listAudit(address, asked.audit) : await ask(address, asked);
} catch (error) {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  console.error(styleText("red", shown(`${name}: ${message}`)));
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
