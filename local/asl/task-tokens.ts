import type { Random } from "./clock.ts";
import { isOverLimit, type Payload, parsePayload } from "./json.ts";
import { uuid } from "./query-functions.ts";

/** What happens to a task through its token. */
export interface TokenHolder {
  succeed(output: Payload): void;
  fail(error: string | undefined, cause: string | undefined): void;
  heartbeat(): void;
}

/** Why a token was refused; the names are those of the exceptions of SendTaskSuccess, Failure and Heartbeat. */
export class TaskTokenError extends Error {
  override readonly name: "InvalidToken" | "TaskDoesNotExist" | "TaskTimedOut" | "InvalidOutput";
  constructor(name: TaskTokenError["name"], message: string) {
    super(message);
    this.name = name;
  }
}

const PREFIX = "AQCEAAAAKgAAAAMAAAAA";
const MOST_ERROR_CHARACTERS = 256;
const MOST_CAUSE_CHARACTERS = 32_768;

/** Where an execution gets its task tokens from, and tells who waits for them. */
export interface TokenRegister {
  /** A token that nobody can guess. It is known to nobody until `hold`. */
  create(): string;
  hold(token: string, holder: TokenHolder): void;
  /** From here on the token answers TaskTimedOut: its task has succeeded, failed, timed out or been aborted. */
  close(token: string): void;
}

/** The task tokens of any number of executions: who waits for which, and which have been used or have lapsed. */
export class TaskTokens implements TokenRegister {
  readonly #random: Random;
  readonly #holders = new Map<string, TokenHolder | "closed">();

  constructor(random: Random) {
    this.#random = random;
  }

  create(): string {
    return createToken(this.#random);
  }

  hold(token: string, holder: TokenHolder): void {
    this.#holders.set(token, holder);
  }

  close(token: string): void {
    this.#holders.set(token, "closed");
  }

  /** Completes the task with `output`, a JSON text. Throws TaskTokenError. */
  succeed(token: string, output: string): void {
    const holder = this.#holder(token);
    holder.succeed(parseOutput(output));
  }

  /** Fails the task; either text may be missing. Throws TaskTokenError. */
  fail(token: string, error: string | undefined, cause: string | undefined): void {
    this.#holder(token).fail(error?.slice(0, MOST_ERROR_CHARACTERS), cause?.slice(0, MOST_CAUSE_CHARACTERS));
  }

  /** Restarts the task's HeartbeatSeconds. Throws TaskTokenError. */
  heartbeat(token: string): void {
    this.#holder(token).heartbeat();
  }

  #holder(token: string): TokenHolder {
    if (!token.startsWith(PREFIX))
      throw new TaskTokenError("InvalidToken", "Invalid Token: it is not a task token");
    const holder = this.#holders.get(token);
    if (!holder) throw new TaskTokenError("TaskDoesNotExist", "Task does not exist: no task has this token");
    if (holder === "closed") {
      throw new TaskTokenError(
        "TaskTimedOut",
        "Task Timed Out: the token has expired, or its task has already been closed",
      );
    }
    return holder;
  }
}

/** A token drawn from `random`. */
export function createToken(random: Random): string {
  return PREFIX + Buffer.from(uuid(random) + uuid(random)).toString("base64url");
}

function parseOutput(text: string): Payload {
  if (isOverLimit(text))
    throw new TaskTokenError("InvalidOutput", "Invalid Output: it is larger than 256 KiB");
  try {
    return parsePayload(text);
  } catch {
    throw new TaskTokenError("InvalidOutput", "Invalid Output: it is not valid JSON");
  }
}
