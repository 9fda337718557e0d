import type * as ecs from "@aws-sdk/client-ecs";
import type { Clock } from "../asl/clock.ts";
import { AwsError } from "../service.ts";
import type { RunningTask } from "./running-task.ts";

const HOUR_MILLISECONDS = 3_600_000;
const LONGEST_MILLISECONDS = 24 * HOUR_MILLISECONDS;

interface Use {
  readonly request: string;
  readonly usedAt: number;
  readonly tasks: readonly RunningTask[];
}

/**
 * The client tokens of RunTask. They belong to a cluster and last 24 hours, or until an hour after the last of
 * their tasks has stopped, whichever comes first.
 */
export class ClientTokens {
  readonly #clock: Clock;
  readonly #uses = new Map<string, Use>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The tasks that an earlier call with this token started. @throws AwsError ConflictException if it asked for others. */
  earlier(clusterArn: string, input: ecs.RunTaskCommandInput): readonly RunningTask[] | undefined {
    const use = this.#uses.get(`${clusterArn} ${input.clientToken}`);
    if (input.clientToken === undefined || !use || this.#hasExpired(use)) return undefined;
    if (use.request === JSON.stringify(input)) return use.tasks;
    throw new AwsError("ConflictException", "The clientToken was used with other parameters.", {
      members: { resourceIds: use.tasks.map(({ task }) => task.taskArn) },
    });
  }

  note(clusterArn: string, input: ecs.RunTaskCommandInput, tasks: readonly RunningTask[]): void {
    if (input.clientToken === undefined) return;
    const usedAt = this.#clock.now();
    this.#uses.set(`${clusterArn} ${input.clientToken}`, { request: JSON.stringify(input), usedAt, tasks });
  }

  #hasExpired({ usedAt, tasks }: Use): boolean {
    const now = this.#clock.now();
    if (now - usedAt > LONGEST_MILLISECONDS) return true;
    return tasks.every(
      ({ task }) => task.stoppedAt !== undefined && now - task.stoppedAt.getTime() > HOUR_MILLISECONDS,
    );
  }
}
