import { type Clock, sleep } from "./asl/clock.ts";
import type { InvokeFunction } from "./invoke-door.ts";
import { AwsError } from "./service.ts";

/** How long Lambda waits before it tries a failed asynchronous invocation again: after one minute, then after two (AWS documentation, "asynchronous invocation error handling"). */
const RETRY_DELAYS_MILLISECONDS = [60_000, 120_000];

/** An asynchronous invocation that was given up, with what went wrong the last time. */
export interface DroppedInvocation {
  readonly functionArnOrName: string;
  readonly attempts: number;
  /** The error's type and message; never the payload. */
  readonly reason: string;
}

/** Lambda's queue of asynchronous invocations. */
export interface AsynchronousInvocations {
  /** Resolves when the function has succeeded or the invocation was given up. Never rejects. */
  submit(functionArnOrName: string, payload: string): Promise<void>;
  /** Gives up what waits for its next attempt. */
  stop(): void;
}

/** Invokes functions as Lambda does for events: a failed one twice more, then it is dropped and reported. */
export function createAsynchronousInvocations(
  clock: Clock,
  invoke: InvokeFunction,
  onDropped: (dropped: DroppedInvocation) => void,
): AsynchronousInvocations {
  const stopping = new AbortController();

  const submit = async (functionArnOrName: string, payload: string) => {
    for (let attempt = 1; ; attempt++) {
      const failure = await invokeOnce(invoke, functionArnOrName, payload, stopping.signal);
      if (!failure || stopping.signal.aborted) return;
      const delay = failure.final ? undefined : RETRY_DELAYS_MILLISECONDS[attempt - 1];
      if (delay === undefined) {
        onDropped({ functionArnOrName, attempts: attempt, reason: failure.reason });
        return;
      }
      const isStopped = await sleep(clock, delay, stopping.signal).then(
        () => false,
        () => true,
      );
      if (isStopped) return;
    }
  };

  return { submit, stop: () => stopping.abort(new Error("The local AWS is stopping.")) };
}

async function invokeOnce(
  invoke: InvokeFunction,
  functionArnOrName: string,
  payload: string,
  signal: AbortSignal,
): Promise<{ reason: string; final: boolean } | undefined> {
  try {
    const result = await invoke(functionArnOrName, payload, signal);
    return result.functionError ? { reason: describe(result.payload), final: false } : undefined;
  } catch (error) {
    const final =
      error instanceof AwsError && error.status < 500 && error.name !== "TooManyRequestsException";
    return { reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error), final };
  }
}

/** A failed function's payload is `{"errorType","errorMessage","trace"}`. */
function describe(payload: string): string {
  try {
    const { errorType, errorMessage } = Object(JSON.parse(payload));
    return `${errorType}: ${errorMessage}`;
  } catch {
    return "the function failed without saying why";
  }
}
