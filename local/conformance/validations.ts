import { InvalidDefinitionError, type Problem, parseStateMachine } from "../asl/index.ts";
import type { ValidationRecording, Verdict } from "./recording.ts";

/** Checks that a recorded definition is refused for the recorded reason, or accepted as it was. */
export function judgeValidation(recording: ValidationRecording): Verdict {
  const { id, expected } = recording;
  if (recording.request?.type === "EXPRESS")
    return { id, outcome: "unsupported", feature: "Express workflows" };
  const problems = problemsOf(recording);
  const reasons = [
    ...(expected.diagnostics ?? []).map(({ message }) => message),
    ...(expected.error?.code === "InvalidDefinition" ? [expected.error.message] : []),
  ];
  if (reasons.length === 0 && expected.error)
    return { id, outcome: "unsupported", feature: expected.error.code };
  const missing = reasons.find((reason) => !problems.some(({ message }) => reason.includes(message)));
  const feature = problems.find((problem) => problem.feature !== undefined)?.feature;
  if (feature !== undefined && (missing !== undefined || reasons.length === 0)) {
    return { id, outcome: "unsupported", feature };
  }
  if (missing !== undefined) return failed(id, `expected to be refused with ${missing}`, problems);
  if (reasons.length === 0 && problems.length > 0) return failed(id, "expected to be accepted", problems);
  return { id, outcome: "passed" };
}

function problemsOf({ definition, definitionText }: ValidationRecording): readonly Problem[] {
  try {
    parseStateMachine(definitionText ?? definition ?? "");
    return [];
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return error.problems;
    throw error;
  }
}

function failed(id: string, expectation: string, problems: readonly Problem[]): Verdict {
  const got = problems.map(({ message, location }) => `${message} at ${location}`).join("; ");
  return { id, outcome: "failed", difference: `${expectation}, but got ${got || "no problem"}` };
}
