import type { GatewayRequest, GatewayResponse } from "../../local/gateway.ts";
import type { ServiceEvent } from "../../local/world.ts";
import type { Invocation } from "./invocations.ts";

/** A call to AWS on its way. */
export interface Call {
  /** `DynamoDB_20120810.UpdateItem` */
  readonly operation: string;
  /** Who makes it; undefined: a person, whose calls arrive. */
  readonly invocation: Invocation | undefined;
  readonly request: GatewayRequest;
}

/** Where a simulation may put its hand between the parts of a world; what is absent goes its usual way. */
export interface Seams {
  /** Hands a call on to AWS; `send` may be used later, twice or not at all. */
  call?(call: Call, send: () => Promise<GatewayResponse>): Promise<GatewayResponse>;
  /** Told of an invocation before its function does anything. */
  begin?(invocation: Invocation): void;
  /** Brings a service's event to the bus; `deliver` may be used later, twice or not at all. */
  event?(event: ServiceEvent, deliver: () => void): void;
  /** By how many milliseconds the clock of an invocation is wrong. */
  skew?(invocation: Invocation): number;
  /** Applies a change of an item to the indexes. */
  index?(apply: () => void): void;
  /** Told of what the world's innermost parts do. */
  effect?(effect: InnerEffect): void;
}

/** What a container or a build really did. */
export type InnerEffect =
  | {
      readonly kind: "migration";
      readonly phase: "begun" | "ended";
      readonly verb: string;
      readonly image: string;
      /** The database, by its URL. */
      readonly database: string;
      /** Where the schema stands. */
      readonly schema: string | null;
    }
  /** Which image answers at the address of a service. */
  | { readonly kind: "serves"; readonly url: string; readonly image: string | undefined }
  | {
      readonly kind: "build";
      readonly phase: "begun" | "ended";
      readonly variables: Readonly<Record<string, string>>;
      readonly status?: string;
    }
  | {
      readonly kind: "instance";
      readonly phase: "begun" | "ended";
      readonly image: string;
      readonly port: number;
    };
