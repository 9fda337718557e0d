import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { InspectionLevel, MockInput, TestStateConfiguration } from "@aws-sdk/client-sfn";
import type { Definition, Json } from "../asl/index.ts";
import type { PredefinedVariables } from "../eventbridge/transformer.ts";

/** What became of one recording. `feature` names what is not supported; `difference` is the first one found. */
export interface Verdict {
  readonly id: string;
  readonly outcome: "passed" | "failed" | "unsupported";
  readonly feature?: string;
  readonly difference?: string;
}

/** A line of stepfunctions.jsonl; its members are described beside the recordings. */
export interface ExecutionRecording {
  readonly id: string;
  readonly kind: "history" | "output-only" | "express-sync" | "express-async";
  readonly definition: Definition;
  readonly input: Json;
  readonly taskResults: readonly RecordedTask[];
  readonly historyOrder: "exact" | "concurrent" | "parallel-sorted";
  readonly placeholders: readonly string[];
  readonly unrecorded?: readonly string[];
  readonly external?: readonly { readonly action: string }[] | null;
  readonly expected: {
    readonly status: string;
    readonly output?: Json;
    readonly error?: string;
    readonly cause?: string;
    readonly history: readonly RecordedEvent[] | null;
  };
}

export interface RecordedTask {
  readonly state: string;
  readonly submitted?: Json;
  readonly outcome: "succeeded" | "failed" | "timedOut" | "pending";
  readonly output?: Json;
  readonly error?: string;
  readonly cause?: string;
}

export interface RecordedEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly type: string;
  readonly details: Readonly<Record<string, unknown>> | null;
}

/** An error with which AWS answered. */
export interface RecordedError {
  readonly code: string;
  readonly message: string;
}

/** A line of event-patterns.jsonl. */
export interface PatternRecording {
  readonly id: string;
  readonly pattern?: Json;
  readonly patternText?: string;
  readonly event?: Json;
  readonly eventText?: string;
  readonly via: "TestEventPattern" | "PutEvents";
  readonly expected: "match" | "no-match" | "invalid" | "invalid-event";
  readonly error?: RecordedError;
}

/** A line of input-transformers.jsonl. */
export interface TransformerRecording {
  readonly id: string;
  readonly inputPath?: string | null;
  readonly inputPathsMap?: Readonly<Record<string, string>> | null;
  readonly inputTemplate?: string | null;
  readonly event: Readonly<Record<string, unknown>> | null;
  readonly predefined?: PredefinedVariables | null;
  readonly delivered: boolean;
  readonly error?: RecordedError;
  readonly expectedTargetInputText?: string | null;
  readonly expectedTargetInput?: unknown;
}

/** A line of validation.jsonl. */
export interface ValidationRecording {
  readonly id: string;
  readonly operation: string;
  readonly definition?: Definition;
  readonly definitionText?: string;
  readonly request?: { readonly type?: string };
  readonly expected: {
    readonly error?: RecordedError;
    readonly diagnostics?: readonly { readonly code: string; readonly message: string }[];
    readonly result?: "OK" | "FAIL";
  };
}

/** A line of test-state.jsonl. The JSON texts of the request and of the answer are decoded where they are objects. */
export interface StateTestRecording {
  readonly id: string;
  readonly definition: Json;
  readonly request: {
    readonly input?: Json;
    readonly variables?: Json;
    readonly context?: Json;
    readonly mock?: MockInput;
    readonly stateName?: string;
    readonly inspectionLevel?: InspectionLevel;
    readonly stateConfiguration?: TestStateConfiguration;
    readonly revealSecrets?: boolean;
  };
  readonly placeholders: readonly string[];
  readonly expected: Readonly<Record<string, unknown>>;
}

/** The lines of a file of recordings; none if the folder does not have it. */
export function readRecordings<T extends { id: string }>(folder: string, file: string): readonly T[] {
  const path = join(folder, file);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line.trim() !== "").map((line): T => JSON.parse(line));
}
