import { SFNClient, StopExecutionCommand } from "@aws-sdk/client-sfn";
import type { Connection } from "../../aws/connection.ts";
import { connectRecords } from "../../aws/dynamodb.ts";
import { connectImages } from "../../aws/ecr.ts";
import { connectExecutions, openExecutions } from "../../aws/states.ts";
import { releaseId } from "../../core/admission.ts";
import { tableName } from "../../core/names.ts";

/** A release of a smoke test, its rollback or its removal did not come to the end that it must. */
export class SmokeFailed extends Error {
  override readonly name = "SmokeFailed";
}

/** An installation that is looked at from outside, as a person would. */
export interface Outside {
  readonly connection: Connection;
  /** What its physical names begin with. */
  readonly prefix: string;
  /** Milliseconds. Rejects when the person has had enough. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** The ARN of a state machine of that name. */
  readonly machineArn: (name: "ReleaseMachine" | "DeployMachine") => string;
  readonly environment: string;
}

const lookMilliseconds = 15_000;
const mostMinutes = 90;

/** Looks until there is an answer. @throws SmokeFailed after an hour and a half */
async function until<Answer>(
  what: string,
  { connection: { now }, sleep }: Outside,
  look: () => Promise<Answer | undefined>,
): Promise<Answer> {
  const last = now() + mostMinutes * 60_000;
  for (;;) {
    const answer = await look();
    if (answer !== undefined) return answer;
    if (now() > last) throw new SmokeFailed(`Waited ${mostMinutes} minutes for ${what}, in vain.`);
    await sleep(lookMilliseconds);
  }
}

/**
 * Waits until the first release of an image has ended.
 * @returns its id
 * @throws SmokeFailed unless it is `Released`
 */
export async function awaitRelease(outside: Outside, repository: string, tag: string): Promise<string> {
  const { connection, prefix } = outside;
  const image = await connectImages(connection).findTag(repository, [tag]);
  if (image === undefined)
    throw new SmokeFailed(`${repository} has no image ${tag}, although it was pushed.`);
  const id = releaseId("web", image.digest, 1);
  const records = connectRecords(connection, tableName(prefix));
  const { outcome, reason } = await until(`the end of ${id}`, outside, async () => {
    const release = await records.release(id);
    return release?.endedAt === undefined ? undefined : release;
  });
  if (outcome !== "Released") throw new SmokeFailed(`${id} ended ${outcome}: ${reason}`);
  return id;
}

/**
 * Rolls the environment back by its deploy machine, under a name for the execution, and waits for the end.
 * @throws SmokeFailed if the execution fails, or what is live then is not of the commit
 */
export async function rollBack(outside: Outside, name: string, commit: string): Promise<void> {
  const { connection, prefix, environment, machineArn } = outside;
  const executions = connectExecutions(connection);
  const machine = machineArn("DeployMachine");
  await executions.start(machine, name, {
    intent: "rollback",
    service: "web",
    environment,
    reason: "smoke test",
  });
  const execution = `${machine.replace(":stateMachine:", ":execution:")}:${name}`;
  const { status, cause } = await until("the rollback", outside, async () => {
    const found = await executions.describe(execution);
    return found?.endedAt === undefined ? undefined : found;
  });
  if (status !== "SUCCEEDED")
    throw new SmokeFailed(`The rollback ended ${status}: ${cause ?? "no cause is given"}`);
  const { live } = await connectRecords(connection, tableName(prefix)).environment("web", environment);
  if (live?.commit !== commit)
    throw new SmokeFailed(
      `After the rollback ${live?.commit ?? "nothing"} is live, and should be ${commit}.`,
    );
}

/** Stops the executions of both machines, so that none makes anything more. */
export async function stopExecutions({ connection, machineArn }: Outside): Promise<void> {
  const states = new SFNClient(connection.client);
  for (const name of ["ReleaseMachine", "DeployMachine"] as const)
    for (const { arn } of await openExecutions(connection, machineArn(name)))
      await states.send(
        new StopExecutionCommand({ executionArn: arn, error: "Cancelled", cause: "the smoke test is over" }),
      );
}
