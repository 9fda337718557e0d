import {
  EventBridgeClient,
  EventBridgeServiceException,
  TestEventPatternCommand,
} from "@aws-sdk/client-eventbridge";
import { createRealClock } from "../asl/index.ts";
import { createEventBridge } from "../eventbridge/index.ts";
import { compilePattern } from "../eventbridge/pattern.ts";
import { checkTargetInput, renderTargetInput, type TargetInput } from "../eventbridge/transformer.ts";
import { createGateway } from "../gateway.ts";
import { createRequestHandler } from "../handover.ts";
import { AwsError } from "../service.ts";
import { Comparison } from "./comparison.ts";
import type { PatternRecording, TransformerRecording, Verdict } from "./recording.ts";

type Answer = { answer: "match" | "no-match" } | { error: { code: string; message: string } };

/** Makes a judge of recorded event patterns: those of TestEventPattern are asked through the API. */
export function createPatternJudge(): (recording: PatternRecording) => Promise<Verdict> {
  const client = createClient();
  return async (recording) => {
    const pattern = recording.patternText ?? spaced(recording.pattern);
    const actual =
      recording.via === "PutEvents"
        ? await answerOf(async () => compilePattern(pattern).matches(recording.event))
        : await answerOf(async () => {
            const Event = recording.eventText ?? spaced(recording.event);
            const { Result } = await client.send(
              new TestEventPatternCommand({ EventPattern: pattern, Event }),
            );
            return Result === true;
          });
    const { expected, error } = recording;
    const wanted = expected === "match" || expected === "no-match" ? { answer: expected } : { error };
    return verdict(recording.id, comparisonFor(wanted).difference(wanted, actual, ""));
  };
}

function createClient(): EventBridgeClient {
  const clock = createRealClock();
  const world = {
    clock,
    random: () => 0.5,
    accountId: "111111111111",
    region: "us-east-1",
    endpoint: () => "http://127.0.0.1:1",
    folder: "",
    emit: () => {},
  };
  const unreachable = () => Promise.reject(new Error("A pattern is only tested: no rule has a target here."));
  const bridge = createEventBridge(world, { invoke: unreachable, startExecution: unreachable });
  return new EventBridgeClient({
    endpoint: world.endpoint(),
    region: world.region,
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(createGateway([bridge], { clock, random: world.random }), clock),
  });
}

async function answerOf(ask: () => Promise<boolean>): Promise<Answer> {
  try {
    return { answer: (await ask()) ? "match" : "no-match" };
  } catch (error) {
    if (error instanceof AwsError || error instanceof EventBridgeServiceException) {
      return { error: { code: error.name, message: error.message } };
    }
    throw error;
  }
}

/** Compares what a target was recorded receiving with what our transformer makes of the event. */
export function judgeTransformer(recording: TransformerRecording): Verdict {
  const { id, event, inputTemplate, inputPathsMap, delivered, error, expectedTargetInputText } = recording;
  const target: TargetInput = {
    inputPath: recording.inputPath ?? undefined,
    inputTransformer:
      inputTemplate == null ? undefined : { inputPathsMap: inputPathsMap ?? {}, inputTemplate },
  };
  const refusal = refusalOf(target);
  if (error || refusal)
    return verdict(id, comparisonFor(error).difference(error ?? "accepted", refusal ?? "accepted", "target"));
  const predefined = recording.predefined ?? { ruleArn: "", ruleName: "", ingestionTime: "date" };
  const rendered = event && renderTargetInput(target, event, predefined);
  if (!delivered || rendered == null) {
    return verdict(id, delivered === (rendered != null) ? undefined : `delivered: expected ${delivered}`);
  }
  const [expected, actual] =
    expectedTargetInputText == null
      ? [recording.expectedTargetInput, JSON.parse(rendered)]
      : [expectedTargetInputText, rendered];
  return verdict(id, comparisonFor(expected).difference(expected, actual, "input"));
}

function refusalOf(target: TargetInput): { code: string; message: string } | undefined {
  try {
    checkTargetInput(target, "<target-id>");
    return undefined;
  } catch (error) {
    if (error instanceof AwsError) return { code: error.name, message: error.message };
    throw error;
  }
}

function verdict(id: string, difference: string | undefined): Verdict {
  return difference === undefined ? { id, outcome: "passed" } : { id, outcome: "failed", difference };
}

/** The recorder's replacements in these files are the texts in angle brackets. */
function comparisonFor(expected: unknown): Comparison {
  const found = JSON.stringify(expected ?? null).match(/<[a-z][^<>\\"]*>/g) ?? [];
  return new Comparison([...new Set(found)].filter((text) => text !== "<target-id>"));
}

/** The recorder sent JSON as Python writes it, on which the columns in AWS's messages depend. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${spaced(member)}`);
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value);
}
