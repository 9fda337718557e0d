import type { Clock, Random } from "./asl/clock.ts";
import type { Iam } from "./iam/index.ts";
import type { Store } from "./store.ts";

/** What every service of the local AWS is given. Nothing in `local/` reads the time, randomness or the environment by itself. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  /** Twelve digits. */
  readonly accountId: string;
  readonly region: string;
  /** `http://127.0.0.1:PORT`, what a child process gets as AWS_ENDPOINT_URL. Call it late: the port is known only once the gateway listens. */
  readonly endpoint: () => string;
  /** Absolute path of the folder in which services may keep files. */
  readonly folder: string;
  /** What outlives the process. Undefined: nothing does, and each start begins anew. */
  readonly store?: Store | undefined;
  /** Who may do what. Undefined: nobody is held to a role, and processes get no credentials of their own. */
  readonly iam?: Iam | undefined;
  /** Puts an event of an AWS service (`source: "aws.…"`) on the default event bus. Never throws. */
  readonly emit: (event: ServiceEvent) => void;
}

/** An event as a service emits it; the bus adds `version`, `id`, `time`, `account` and `region`. */
export interface ServiceEvent {
  source: `aws.${string}`;
  "detail-type": string;
  resources: string[];
  detail: Record<string, unknown>;
}

/** `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`. */
export function arn(world: Pick<World, "region" | "accountId">, service: string, resource: string): string {
  return `arn:aws:${service}:${world.region}:${world.accountId}:${resource}`;
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A lower-case UUID v4 drawn from `random`. */
export function uuid(random: Random): string {
  let text = "";
  for (let at = 0; at < 16; at++) {
    const drawn = Math.floor(random() * 256);
    const byte = at === 6 ? (drawn & 0x0f) | 0x40 : at === 8 ? (drawn & 0x3f) | 0x80 : drawn;
    if (at === 4 || at === 6 || at === 8 || at === 10) text += "-";
    text += hexOfByte[byte];
  }
  return text;
}
