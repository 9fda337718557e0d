import { isDeepStrictEqual } from "node:util";
import { type SFNClient, TestStateCommand, type TestStateCommandOutput } from "@aws-sdk/client-sfn";
import type { Expected, StateCase } from "./state-cases.ts";

/** A case whose answer was another one, and where. */
export interface Difference {
  readonly name: string;
  readonly says: string;
}

/**
 * Asks TestState all cases, one after another, and compares its answers.
 * @param onCase is told of each case that has been asked, with what differs, if anything does.
 */
export async function replay(
  client: SFNClient,
  cases: readonly StateCase[],
  onCase: (one: StateCase, says: string | undefined) => void = () => {},
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const one of cases) {
    const says = await ask(client, one);
    onCase(one, says);
    if (says !== undefined) differences.push({ name: one.name, says });
  }
  return differences;
}

/** @throws what the client throws, unless it is about this case. */
async function ask(client: SFNClient, { request, expected }: StateCase): Promise<string | undefined> {
  try {
    return differenceFrom(expected, await client.send(new TestStateCommand(request)));
  } catch (error) {
    if (
      !(error instanceof Error) ||
      !/^(InvalidDefinition|ValidationException|InvalidExecutionInput)$/.test(error.name)
    )
      throw error;
    return `it is refused: ${error.name}: ${error.message}`;
  }
}

/** The first member of an answer that is not as expected, in words; undefined if all are. */
export function differenceFrom(
  expected: Expected,
  answer: Omit<TestStateCommandOutput, "$metadata">,
): string | undefined {
  const { inspectionData: seen } = answer;
  const actual: Readonly<Record<string, unknown>> = {
    status: answer.status,
    nextState: answer.nextState,
    output: decoded(answer.output),
    variables: decoded(seen?.variables) ?? {},
    error: answer.error,
    cause: answer.cause,
    afterArguments: decoded(seen?.afterArguments),
    retryIndex: seen?.errorDetails?.retryIndex,
    catchIndex: seen?.errorDetails?.catchIndex,
  };
  for (const [member, value] of Object.entries(expected))
    if (!isDeepStrictEqual(actual[member], value))
      return `${member}: expected ${shown(value)}, but got ${shown(actual[member])}`;
  return undefined;
}

function decoded(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
