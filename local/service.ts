import type { Caller } from "./iam/caller.ts";

/** What an operation may know of a request beside its input. */
export interface OperationContext {
  readonly caller: Caller;
}

/** One operation of a local service: the input and output are those of the SDK client's command of the same name. */
export type Operation<Input, Output> = (
  input: Input,
  context: OperationContext,
) => Promise<Omit<Output, "$metadata">> | Omit<Output, "$metadata">;

/**
 * A service of the local AWS as the gateway sees it. `operations` holds what is implemented, by AWS's name
 * ("StartExecution"); the gateway answers every other operation of the service with an error naming it.
 */
export interface Service {
  /** What precedes the dot of X-Amz-Target: "AWSStepFunctions". */
  readonly target: string;
  readonly protocol: "json1.0" | "json1.1";
  /** The SDK client's module, whose exported schemas shape requests and answers. */
  readonly schemas: object;
  readonly operations: Readonly<Record<string, Operation<never, unknown>>>;
}

/** An error an AWS API answers with; the SDK client turns it into its typed exception of the same name. */
export class AwsError extends Error {
  override readonly name: string;
  /** HTTP status: 400 for the caller's fault, 500 for ours. */
  readonly status: number;
  /** Further members of the exception's shape. */
  readonly members: Readonly<Record<string, unknown>>;
  constructor(
    name: string,
    message: string,
    options: { status?: number; members?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.name = name;
    this.status = options.status ?? 400;
    this.members = options.members ?? {};
  }
}
