import { existsSync } from "node:fs";
import { createPatternJudge, judgeTransformer } from "./events.ts";
import { judgeExecution } from "./executions.ts";
import {
  type ExecutionRecording,
  type PatternRecording,
  readRecordings,
  type StateTestRecording,
  type TransformerRecording,
  type ValidationRecording,
  type Verdict,
} from "./recording.ts";
import { judgeStateTest } from "./state-tests.ts";
import { judgeValidation } from "./validations.ts";

/** The verdicts on the recordings of one file. */
export interface FileReport {
  readonly file: string;
  readonly verdicts: readonly Verdict[];
}

/** Judges every recording of a folder. Throws when the folder is missing or holds none. */
export async function judgeFolder(folder: string): Promise<FileReport[]> {
  if (!existsSync(folder))
    throw new Error(`There is no folder ${folder}. Give the folder of the recordings.`);
  const reports: FileReport[] = [
    {
      file: "stepfunctions.jsonl",
      verdicts: await each(readRecordings<ExecutionRecording>(folder, "stepfunctions.jsonl"), judgeExecution),
    },
    {
      file: "event-patterns.jsonl",
      verdicts: await each(
        readRecordings<PatternRecording>(folder, "event-patterns.jsonl"),
        createPatternJudge(),
      ),
    },
    {
      file: "input-transformers.jsonl",
      verdicts: await each(
        readRecordings<TransformerRecording>(folder, "input-transformers.jsonl"),
        judgeTransformer,
      ),
    },
    {
      file: "validation.jsonl",
      verdicts: await each(readRecordings<ValidationRecording>(folder, "validation.jsonl"), judgeValidation),
    },
    {
      file: "test-state.jsonl",
      verdicts: await each(readRecordings<StateTestRecording>(folder, "test-state.jsonl"), judgeStateTest),
    },
  ];
  const found = reports.filter(({ verdicts }) => verdicts.length > 0);
  if (found.length === 0) {
    const expected = reports.map(({ file }) => file).join(", ");
    throw new Error(`The folder ${folder} holds no recordings. Expected one or more of ${expected}.`);
  }
  return found;
}

async function each<R>(
  recordings: readonly R[],
  judge: (recording: R) => Verdict | Promise<Verdict>,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const recording of recordings) verdicts.push(await judge(recording));
  return verdicts;
}

/** The report in words: numbers, unsupported by feature, and the first difference of each failure. */
export function renderReport(reports: readonly FileReport[]): string {
  return reports.map(renderFile).join("\n");
}

function renderFile({ file, verdicts }: FileReport): string {
  const count = (outcome: Verdict["outcome"]) =>
    verdicts.filter((verdict) => verdict.outcome === outcome).length;
  const unsupported = new Map<string, number>();
  for (const { feature } of verdicts) {
    if (feature !== undefined) unsupported.set(feature, (unsupported.get(feature) ?? 0) + 1);
  }
  const lines = [
    `${file}: ${count("passed")} passed, ${count("failed")} failed, ${count("unsupported")} unsupported`,
    ...[...unsupported].sort().map(([feature, number]) => `  unsupported: ${feature} ${number}`),
  ];
  for (const { id, outcome, difference } of verdicts) {
    if (outcome === "failed") lines.push(`  failed: ${id}`, `    ${difference}`);
  }
  return lines.join("\n");
}

/** Whether nothing failed. */
export function isClean(reports: readonly FileReport[]): boolean {
  return reports.every(({ verdicts }) => verdicts.every(({ outcome }) => outcome !== "failed"));
}
