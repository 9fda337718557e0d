/** A published version of a function. */
export interface FunctionVersion {
  readonly name: string;
  readonly version: string;
  /** With the version: `arn:aws:lambda:…:function:NAME:1`. */
  readonly arn: string;
  /** Path of an .mjs file that exports `handler`. */
  readonly bundle: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  /** Who may call its function URL; undefined: it has none. */
  readonly functionUrl?: "AWS_IAM" | undefined;
  /** The role that it has. Undefined: it is nobody in particular, and may do everything. */
  readonly roleArn?: string;
}

/** What an invocation gives back: the handler's answer, or `{"errorType","errorMessage","trace"}`. JSON text. */
export interface InvocationResult {
  readonly payload: string;
  readonly functionError?: "Handled" | "Unhandled";
}

/** One run of a function. */
export interface Invocation {
  readonly requestId: string;
  /** When the function's time is up; milliseconds since the epoch. */
  readonly deadline: number;
  /** The log stream that `onLine` writes to, as the handler's context names it. */
  readonly logStream: string;
  /** Takes what the function prints. Never throws. */
  readonly onLine: (line: string) => void;
}

/** What runs functions: child processes really, handlers in this process in a simulation. */
export interface FunctionRunner {
  /** Told of each version when it is published, to keep what it will need to run it. */
  prepare?(fn: FunctionVersion): void;
  /**
   * Runs one invocation. When `signal` is aborted its time is up: the runner ends it; its result is not used.
   * Rejects only for a fault of the runner itself.
   */
  invoke(
    fn: FunctionVersion,
    payload: string,
    invocation: Invocation,
    signal: AbortSignal,
  ): Promise<InvocationResult>;
  stop(): Promise<void>;
}

/** The result of an invocation that the platform, not the handler, ended. */
export function platformFailure(errorType: string, errorMessage: string): InvocationResult {
  return { functionError: "Unhandled", payload: JSON.stringify({ errorType, errorMessage, trace: [] }) };
}

/** Invokes by name, name:version or ARN. Rejects with AwsError ResourceNotFoundException. */
export type InvokeFunction = (
  functionArnOrName: string,
  payload: string,
  signal?: AbortSignal,
) => Promise<InvocationResult & { readonly executedVersion: string }>;
