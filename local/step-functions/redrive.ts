import type * as sfn from "@aws-sdk/client-sfn";
import type { ExecutionRecord } from "./executions.ts";

const DAY_MILLISECONDS = 24 * 3_600_000;
const REDRIVABLE_MILLISECONDS = 14 * DAY_MILLISECONDS;
const LONGEST_EXECUTION_MILLISECONDS = 365 * DAY_MILLISECONDS;
/** There must be room for ExecutionRedriven and one event more. */
const REDRIVABLE_EVENTS = 24_999;
/** A client token is remembered for 15 minutes, and the last ten of an execution. */
const TOKEN_MILLISECONDS = 15 * 60_000;
const TOKENS_KEPT = 10;

/** Whether an execution can be redriven, and if not, why; the reasons are those of the API's reference. */
export interface Redrivability {
  readonly redriveStatus: sfn.ExecutionRedriveStatus;
  readonly redriveStatusReason?: string;
}

/** Judges at `now`, in milliseconds since the epoch. */
export function redrivability(
  record: Pick<ExecutionRecord, "status" | "startDate" | "stopDate" | "execution">,
  now: number,
  machineIsDeleting: boolean,
): Redrivability {
  const { status, startDate, stopDate, execution } = record;
  if (status === "RUNNING" || status === "SUCCEEDED")
    return notRedrivable(`Execution is ${status} and cannot be redriven`);
  if (machineIsDeleting) return notRedrivable("State machine is in DELETING status");
  if (execution.history.length >= REDRIVABLE_EVENTS)
    return notRedrivable("Execution history event limit exceeded");
  if (now - startDate.getTime() > LONGEST_EXECUTION_MILLISECONDS)
    return notRedrivable("Execution has exceeded the max execution time");
  if (stopDate && now - stopDate.getTime() > REDRIVABLE_MILLISECONDS)
    return notRedrivable("Execution redrivable period exceeded");
  return { redriveStatus: "REDRIVABLE" };
}

function notRedrivable(redriveStatusReason: string): Redrivability {
  return { redriveStatus: "NOT_REDRIVABLE", redriveStatusReason };
}

/** What is kept of the redrives of an execution. */
export interface KeptRedrives {
  readonly count: number;
  readonly date: Date | undefined;
  readonly tokens: readonly { readonly token: string; readonly date: Date }[];
}

/** The redrives of one execution. */
export class Redrives {
  count: number;
  date: Date | undefined;
  readonly #tokens: { readonly token: string; readonly date: Date }[];

  constructor(kept: KeptRedrives = { count: 0, date: undefined, tokens: [] }) {
    this.count = kept.count;
    this.date = kept.date;
    this.#tokens = [...kept.tokens];
  }

  get kept(): KeptRedrives {
    return { count: this.count, date: this.date, tokens: [...this.#tokens] };
  }

  /** Notes a redrive that has begun. */
  add(date: Date, clientToken: string | undefined): void {
    this.count += 1;
    this.date = date;
    if (clientToken !== undefined) this.#tokens.push({ token: clientToken, date });
    this.#tokens.splice(0, Math.max(this.#tokens.length - TOKENS_KEPT, 0));
  }

  /** When the redrive began that was asked for with the same client token. */
  repeated(clientToken: string | undefined, now: number): Date | undefined {
    return this.#tokens.find(
      ({ token, date }) => token === clientToken && now - date.getTime() <= TOKEN_MILLISECONDS,
    )?.date;
  }
}
