import type { Clock, Random } from "./clock.ts";
import type { History } from "./history.ts";
import type { JsonObject } from "./json.ts";
import type { TaskRunner } from "./task-runner.ts";
import type { TokenRegister } from "./task-tokens.ts";

/** What all states of one execution share. */
export interface Run {
  readonly history: History;
  readonly clock: Clock;
  readonly random: Random;
  readonly tasks: TaskRunner;
  readonly tokens: TokenRegister;
  readonly region: string;
  /** The members Execution and StateMachine of `$states.context`. */
  readonly context: JsonObject;
  /** `$states.context` as a whole, where a state is tried on its own. */
  readonly givenContext?: JsonObject;
}
