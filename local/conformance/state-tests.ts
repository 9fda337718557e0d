import * as sfn from "@aws-sdk/client-sfn";
import { createVirtualClock } from "../asl/index.ts";
import { createGateway } from "../gateway.ts";
import { createRequestHandler } from "../handover.ts";
import { createStepFunctions } from "../step-functions.ts";
import { Comparison, isRecord } from "./comparison.ts";
import { seeded } from "./executions.ts";
import type { StateTestRecording, Verdict } from "./recording.ts";

/** What the recorder's client put before the message of an error. */
const CLIENT_WORDS = /^An error occurred \(\w+\) when calling the \w+ operation: /;

/** Tries a recorded state with its recorded mock, and compares the answer or the refusal. */
export async function judgeStateTest(recording: StateTestRecording): Promise<Verdict> {
  const { id, expected, placeholders } = recording;
  const actual = await tried(recording);
  const feature = unsupportedBy(recording, actual);
  if (feature !== undefined) return { id, outcome: "unsupported", feature };
  const { error } = expected;
  const wanted = isRecord(error)
    ? { error: { ...error, message: String(error.message).replace(CLIENT_WORDS, "") } }
    : expected;
  const difference = new Comparison(placeholders).difference(wanted, actual, "answer");
  return difference === undefined ? { id, outcome: "passed" } : { id, outcome: "failed", difference };
}

function unsupportedBy(
  { definition, request, expected }: StateTestRecording,
  actual: unknown,
): string | undefined {
  const words = JSON.stringify(actual);
  if (words.includes("The query language JSONPath")) return "JSONPath";
  if (isRecord(expected.error) && expected.error.code === "ParamValidationError")
    return "checks of the client that recorded";
  const calls = isRecord(definition) && definition.Type === "Task" && request.mock === undefined;
  return calls && expected.error === undefined ? "Task that calls a service" : undefined;
}

/** The answer as the recordings have it, or `{ error }`. */
async function tried({ definition, request }: StateTestRecording): Promise<Record<string, unknown>> {
  const text = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value));
  const { input, variables, context, ...others } = request;
  const command = new sfn.TestStateCommand({
    ...others,
    definition: JSON.stringify(definition),
    input: text(input),
    variables: text(variables),
    context: text(context),
  });
  try {
    const { $metadata: _, inspectionData, ...answer } = await createClient().send(command);
    return {
      ...decoded(answer),
      ...(inspectionData === undefined ? {} : { inspectionData: decoded(inspectionData) }),
    };
  } catch (error) {
    if (!(error instanceof sfn.SFNServiceException)) throw error;
    return { error: { code: error.name, message: error.message } };
  }
}

function createClient(): sfn.SFNClient {
  const clock = createVirtualClock({ start: Date.UTC(2026, 0, 1) });
  const random = seeded();
  const nobody = () => Promise.reject(new Error("nothing is called here"));
  const service = createStepFunctions(
    {
      clock,
      random,
      accountId: "111111111111",
      region: "us-east-1",
      endpoint: () => "http://local",
      folder: "",
      store: undefined,
      emit: () => {},
    },
    { invoke: nobody, functionArn: (name) => name },
  );
  return new sfn.SFNClient({
    endpoint: "http://local",
    region: "us-east-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(createGateway([service], { clock, random }), clock),
  });
}

/** JSON texts of objects become objects, as in the recordings. */
function decoded(answer: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => [
      name,
      typeof value === "string" && value.startsWith("{") ? JSON.parse(value) : value,
    ]),
  );
}
