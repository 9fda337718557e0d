import type { TargetState } from "./rollback.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { WaitResult } from "./wait.ts";

/** What a target is told when it shall run an image. */
export interface TargetRequest {
  /** The name of the target, from `targetName`. */
  readonly name: string;
  readonly imageUri: string;
  readonly settings: RuntimeSettings;
}

/** An operation of a target that was begun: what its events name, and how to ask about it. */
export interface TargetOperation {
  readonly arn: string;
  readonly operation: string;
}

/** How large an instance is and as whom it runs, when it may serve, and how it reaches out. */
export const shapeMembers = [
  /** In thousandths of a vCPU, and in MB. */
  "cpu",
  "memory",
  "role",
  "healthProtocol",
  "healthPath",
  /** In seconds, and in answers in a row. */
  "healthInterval",
  "healthTimeout",
  "healthyThreshold",
  "unhealthyThreshold",
  /** The connector to a network. */
  "network",
] as const;

/** What of it a target is told; absent: what it is not told, or does not tell. */
export type TargetShape = Readonly<Partial<Record<(typeof shapeMembers)[number], string | undefined>>>;

/** What of its settings is the shape of a target. */
export function shapeOf(settings: RuntimeSettings): TargetShape {
  const { cpu, memory, instanceRoleArn: role, healthPath, healthCheck, vpcConnectorArn: network } = settings;
  return {
    ...{ cpu, memory, role, healthPath, network },
    healthProtocol: "HTTP",
    healthInterval: String(healthCheck.intervalSeconds),
    healthTimeout: String(healthCheck.timeoutSeconds),
    healthyThreshold: String(healthCheck.healthyThreshold),
    unhealthyThreshold: String(healthCheck.unhealthyThreshold),
  };
}

/** What a target runs, and what it was told when it was last changed, by whomever. */
export interface TargetFound {
  readonly status: "running" | "busy" | "paused" | "failed";
  /** The same in the platform's own word. */
  readonly platformStatus: string;
  readonly imageUri: string | undefined;
  /** Whether it brings every push to life by itself. */
  readonly deploysByItself: boolean;
  readonly port: string | undefined;
  readonly variables: Readonly<Record<string, string>>;
  /** Variable → reference of a secret. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly shape: TargetShape;
  /** When it was last changed, milliseconds since the epoch. */
  readonly changedAt: number | undefined;
}

/** Where a service runs. App Runner is one; every target keeps the same contract suite. */
export interface Target {
  /**
   * What runs now. `url` is where the service answers. `refusal` says why it cannot be deployed to, whatever the image.
   * `found` is all that it was told; undefined: there is no such target.
   */
  describe(name: string): Promise<
    TargetState & {
      readonly arn: string | undefined;
      readonly url: string | undefined;
      readonly refusal: string | undefined;
      readonly found: TargetFound | undefined;
    }
  >;
  /**
   * Begins to run an image; creates the target if there is none. Does not wait.
   * @throws SpillwayError TargetBusy while another operation is under way.
   */
  start(request: TargetRequest): Promise<TargetOperation>;
  /**
   * The operation begun at or after `since` (milliseconds) that brings this image, or failed and went back: a retry
   * adopts it.
   */
  find(name: string, imageUri: string, since: number): Promise<TargetOperation | undefined>;
  /** How an operation ended; undefined while it runs. A target's own rollback is a failure named TargetRolledBack. */
  look(operation: TargetOperation): Promise<WaitResult | undefined>;
}
