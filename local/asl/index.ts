import type { Clock, Random } from "./clock.ts";
import { type ExecutionContext, type ExecutionResult, startExecution } from "./execution.ts";
import type { HistoryEvent } from "./history.ts";
import type { Json } from "./json.ts";
import { parseStateMachine } from "./parse-state-machine.ts";
import type { Definition } from "./state-machine.ts";
import type { TaskRunner } from "./task-runner.ts";

export type { Clock, Random } from "./clock.ts";
export { sleep } from "./clock.ts";
export type {
  EndStatus,
  Execution,
  ExecutionContext,
  ExecutionOptions,
  ExecutionResult,
  RedriveOptions,
} from "./execution.ts";
export { redriveExecution, startExecution } from "./execution.ts";
export { TaskError } from "./failure.ts";
export type { EventDetails, HistoryEvent, HistoryEventType } from "./history.ts";
export type { Json, JsonArray, JsonObject } from "./json.ts";
export { isArray, isObject, isOverLimit, PAYLOAD_LIMIT_BYTES, parseJson } from "./json.ts";
export type { ParseOptions } from "./parse-state-machine.ts";
export { parseLoneState, parseStateMachine } from "./parse-state-machine.ts";
export type { Problem, ProblemCode } from "./problems.ts";
export { InvalidDefinitionError } from "./problems.ts";
export { createRealClock } from "./real-clock.ts";
export type { RecordedExecutionOptions, ReplayedExecution } from "./recorded-execution.ts";
export { recordExecution, replayExecution } from "./recorded-execution.ts";
export type { IntegrationResource, LambdaResource, TaskResource, WaitPattern } from "./resource.ts";
export type { Definition, State, StateMachine } from "./state-machine.ts";
export type { Mock, StateTestOptions, StateTestResult } from "./state-test.ts";
export { testState, UnfitMockError } from "./state-test.ts";
export type { Journal, Past, Stimulus } from "./stimulus.ts";
export { ReplayDivergedError } from "./stimulus.ts";
export type { InterruptedTaskRunner, TaskAttempt, TaskRunner } from "./task-runner.ts";
export type { TokenHolder, TokenRegister } from "./task-tokens.ts";
export { TaskTokenError, TaskTokens } from "./task-tokens.ts";
export type { UnsupportedFeature } from "./unsupported.ts";
export { UNSUPPORTED_FEATURES } from "./unsupported.ts";
export type { VirtualClock, VirtualClockOptions } from "./virtual-clock.ts";
export { createVirtualClock, VirtualClockStuckError } from "./virtual-clock.ts";

export interface RunOptions {
  readonly definition: Definition;
  /** {} by default, as in StartExecution. */
  readonly input?: Json;
  readonly tasks: TaskRunner;
  readonly clock: Clock;
  readonly random: Random;
  /** What `$states.context` shows; the names of an execution on its own by default. */
  readonly context?: Partial<ExecutionContext>;
  readonly region?: string;
  readonly onEvent?: (event: HistoryEvent) => void;
}

/**
 * Runs a state machine from its definition to its end. Throws InvalidDefinitionError if the definition is
 * refused; an execution that fails is a result, not an error.
 */
export async function runStateMachine(options: RunOptions): Promise<ExecutionResult> {
  const { definition, input = {}, region = "us-east-1", context, tasks, clock, random, onEvent } = options;
  const arn = (kind: string) => `arn:aws:states:${region}:000000000000:${kind}`;
  const machine = parseStateMachine(definition);
  const own: ExecutionContext = {
    executionArn: arn("execution:machine:execution"),
    executionName: "execution",
    stateMachineArn: arn("stateMachine:machine"),
    stateMachineName: "machine",
    roleArn: "arn:aws:iam::000000000000:role/machine",
    ...context,
  };
  const listener = onEvent === undefined ? {} : { onEvent };
  return startExecution({ machine, input, tasks, clock, random, context: own, region, ...listener }).result;
}
