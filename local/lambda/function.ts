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
}

/** What an invocation gives back: the handler's answer, or `{"errorType","errorMessage","trace"}`. JSON text. */
export interface InvocationResult {
  readonly payload: string;
  readonly functionError?: "Handled" | "Unhandled";
}

export interface Invocation {
  readonly requestId: string;
  /** When the function's time is up; milliseconds since the epoch. */
  readonly deadline: number;
  readonly onLine: (line: string) => void;
}

/** What runs functions: child processes really, handlers in this process in a simulation. */
export interface FunctionRunner {
  invoke(
    fn: FunctionVersion,
    payload: string,
    invocation: Invocation,
    signal: AbortSignal,
  ): Promise<InvocationResult>;
  stop(): Promise<void>;
}

/** Invokes by name, name:version or ARN. @throws AwsError ResourceNotFoundException. */
export type InvokeFunction = (
  functionName: string,
  payload: string,
  signal?: AbortSignal,
) => Promise<InvocationResult & { readonly executedVersion: string }>;
