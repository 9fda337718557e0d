import { dataLimitExceeded, errorOf, StateFailure } from "./failure.ts";
import { type EventDetails, errorDetails, inputOf, outputOf } from "./history.ts";
import { isOverLimit, type Json, type Payload, payload } from "./json.ts";
import { LONGEST_SECONDS } from "./parse-state.ts";
import type { IntegrationResource, TaskResource } from "./resource.ts";
import type { TaskState } from "./state-machine.ts";
import type { TaskAttempt } from "./task-runner.ts";
import type { Visit } from "./visit.ts";

/** One attempt of a Task: its arguments, its events, its result. */
export async function runTask(visit: Visit, state: TaskState): Promise<Payload> {
  const { run, fiber } = visit;
  const { resource } = state;
  visit.token = hasToken(resource) ? run.tokens.create() : undefined;
  const parameters = state.arguments ? payload(await visit.evaluate(state.arguments)) : visit.input;
  const timeoutSeconds = await visit.evaluateNumber(state.timeoutSeconds, 1, LONGEST_SECONDS);
  const heartbeatSeconds = await visit.evaluateNumber(state.heartbeatSeconds, 1, LONGEST_SECONDS);
  const recorder =
    resource.kind === "lambda" ? new LambdaRecorder(visit, resource.arn) : new TaskRecorder(visit, resource);
  recorder.scheduled(parameters.text, timeoutSeconds, heartbeatSeconds);
  recorder.started();
  const ending = await fiber.wait<Ending>((resolve) => {
    const job = new TaskJob(visit, state, recorder, parameters.value, resolve);
    job.start(timeoutSeconds, heartbeatSeconds);
    return () => job.abort();
  });
  return finish(recorder, ending);
}

/** Whether each attempt has a token. */
export function hasToken(resource: TaskResource): boolean {
  return resource.kind === "integration" && resource.pattern !== "request-response";
}

type Ending =
  | { readonly kind: "succeeded"; readonly output: Payload }
  | { readonly kind: "failed"; readonly error: string | undefined; readonly cause: string | undefined }
  | { readonly kind: "timedOut"; readonly isHeartbeat: boolean };

function finish(recorder: Recorder, ending: Ending): Payload {
  if (ending.kind === "timedOut") {
    // Both lapses were recorded as States.Timeout; the documentation names the second one as well.
    recorder.timedOut();
    throw new StateFailure(
      "States.Timeout",
      undefined,
      ending.isHeartbeat ? ["States.HeartbeatTimeout"] : [],
    );
  }
  if (ending.kind === "failed") {
    const failure = new StateFailure(ending.error, ending.cause);
    if (!failure.isFatal) recorder.failed(ending.error, ending.cause);
    throw failure;
  }
  if (isOverLimit(ending.output.text)) {
    const failure = dataLimitExceeded(recorder.what);
    recorder.failed(failure.error, failure.cause);
    throw failure;
  }
  recorder.succeeded(ending.output.text);
  return ending.output;
}

/** A Task's work in flight: it ends once, by its runner, its token, its timeout, its heartbeat or an abort. */
class TaskJob {
  readonly #visit: Visit;
  readonly #state: TaskState;
  readonly #recorder: Recorder;
  readonly #arguments: Json;
  readonly #resolve: (ending: Ending) => void;
  readonly #abort = new AbortController();
  readonly #token: string | undefined;
  #cancelTimeout: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #hasEnded = false;

  constructor(
    visit: Visit,
    state: TaskState,
    recorder: Recorder,
    parameters: Json,
    resolve: (ending: Ending) => void,
  ) {
    this.#visit = visit;
    this.#state = state;
    this.#recorder = recorder;
    this.#arguments = parameters;
    this.#resolve = resolve;
    this.#token = visit.token;
  }

  start(timeoutSeconds: number | undefined, heartbeatSeconds: number | undefined): void {
    const { clock, tokens } = this.#visit.run;
    const lapse = (isHeartbeat: boolean) => () => this.#end({ kind: "timedOut", isHeartbeat });
    if (timeoutSeconds !== undefined) this.#cancelTimeout = clock.after(timeoutSeconds * 1000, lapse(false));
    const beat = () => {
      this.#cancelHeartbeat?.();
      if (heartbeatSeconds !== undefined)
        this.#cancelHeartbeat = clock.after(heartbeatSeconds * 1000, lapse(true));
    };
    beat();
    if (this.#token !== undefined) {
      tokens.hold(this.#token, {
        succeed: (output) => this.#end({ kind: "succeeded", output }),
        fail: (error, cause) => this.#end({ kind: "failed", error, cause }),
        heartbeat: beat,
      });
    }
    void this.#work();
  }

  /** The branch or the execution was stopped. */
  abort(): void {
    if (this.#close()) this.#abort.abort();
  }

  async #work(): Promise<void> {
    try {
      const result = payload(await this.#visit.run.tasks(this.#attempt()));
      if (this.#hasEnded) return;
      if (this.#waitsForToken) this.#recorder.submitted(result.text);
      else this.#end({ kind: "succeeded", output: result });
    } catch (error) {
      this.#end({ kind: "failed", ...errorOf(error) });
    }
  }

  get #waitsForToken(): boolean {
    const { resource } = this.#state;
    return resource.kind === "integration" && resource.pattern === "waitForTaskToken";
  }

  #attempt(): TaskAttempt {
    const visit = this.#visit;
    return {
      resource: this.#state.resource.arn,
      target: this.#state.resource,
      stateName: this.#state.name,
      arguments: this.#arguments,
      attempt: visit.retryCount,
      token: this.#token,
      get context() {
        return visit.contextWith();
      },
      signal: this.#abort.signal,
      submitted: (output) => {
        if (!this.#hasEnded) this.#recorder.submitted(JSON.stringify(output));
      },
    };
  }

  #end(ending: Ending): void {
    if (!this.#close()) return;
    this.#resolve(ending);
    if (ending.kind === "timedOut") this.#abort.abort();
  }

  #close(): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    this.#cancelTimeout?.();
    this.#cancelHeartbeat?.();
    if (this.#token !== undefined) this.#visit.run.tokens.close(this.#token);
    return true;
  }
}

/** Writes the events of a Task: AWS has other ones for a Lambda function's ARN than for an integration. */
interface Recorder {
  /** How AWS calls the task where its result is too large. */
  readonly what: string;
  scheduled(
    parameters: string,
    timeoutSeconds: number | undefined,
    heartbeatSeconds: number | undefined,
  ): void;
  started(): void;
  submitted(output: string): void;
  succeeded(output: string): void;
  failed(error: string | undefined, cause: string | undefined): void;
  timedOut(): void;
}

class TaskRecorder implements Recorder {
  readonly what: string;
  readonly #visit: Visit;
  readonly #name: { readonly resourceType: string; readonly resource: string };

  constructor(visit: Visit, resource: IntegrationResource) {
    this.what = resource.service;
    this.#visit = visit;
    this.#name = { resourceType: resource.service, resource: resource.resource };
  }

  scheduled(
    parameters: string,
    timeoutSeconds: number | undefined,
    heartbeatSeconds: number | undefined,
  ): void {
    this.#visit.record("TaskScheduled", {
      taskScheduledEventDetails: {
        ...this.#name,
        region: this.#visit.run.region,
        parameters,
        ...(timeoutSeconds === undefined ? {} : { timeoutInSeconds: timeoutSeconds }),
        ...(heartbeatSeconds === undefined ? {} : { heartbeatInSeconds: heartbeatSeconds }),
      },
    });
  }

  started(): void {
    this.#visit.record("TaskStarted", { taskStartedEventDetails: this.#name });
  }

  submitted(output: string): void {
    this.#visit.record("TaskSubmitted", {
      taskSubmittedEventDetails: { ...this.#name, ...outputOf(output) },
    });
  }

  succeeded(output: string): void {
    this.#visit.record("TaskSucceeded", {
      taskSucceededEventDetails: { ...this.#name, ...outputOf(output) },
    });
  }

  failed(error: string | undefined, cause: string | undefined): void {
    this.#visit.record("TaskFailed", {
      taskFailedEventDetails: { ...this.#name, ...errorDetails(error, cause) },
    });
  }

  timedOut(): void {
    const details = { ...this.#name, ...errorDetails("States.Timeout", undefined) };
    this.#visit.record("TaskTimedOut", { taskTimedOutEventDetails: details });
  }
}

class LambdaRecorder implements Recorder {
  readonly what: string;
  readonly #visit: Visit;

  constructor(visit: Visit, arn: string) {
    this.what = arn;
    this.#visit = visit;
  }

  scheduled(parameters: string, timeoutSeconds: number | undefined): void {
    const timeout = timeoutSeconds === undefined ? {} : { timeoutInSeconds: timeoutSeconds };
    const details = { resource: this.what, ...inputOf(parameters), ...timeout };
    this.#visit.record("LambdaFunctionScheduled", { lambdaFunctionScheduledEventDetails: details });
  }

  started(): void {
    this.#visit.record("LambdaFunctionStarted");
  }

  /** A Lambda function's ARN has no pattern that submits anything. */
  submitted(): void {}

  succeeded(output: string): void {
    const details: EventDetails = { lambdaFunctionSucceededEventDetails: outputOf(output) };
    this.#visit.record("LambdaFunctionSucceeded", details);
  }

  failed(error: string | undefined, cause: string | undefined): void {
    const details: EventDetails = { lambdaFunctionFailedEventDetails: errorDetails(error, cause) };
    this.#visit.record("LambdaFunctionFailed", details);
  }

  timedOut(): void {
    const details: EventDetails = {
      lambdaFunctionTimedOutEventDetails: errorDetails("States.Timeout", undefined),
    };
    this.#visit.record("LambdaFunctionTimedOut", details);
  }
}
