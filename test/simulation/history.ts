import type { Clock } from "../../local/asl/index.ts";
import type { ServiceEvent } from "../../local/world.ts";
import type { Fault } from "./faults.ts";
import type { AlarmChange, Deed, PlannedPush } from "./plan.ts";
import type { InnerEffect } from "./seams.ts";

/** Something that really happened, whatever anybody recorded of it. */
export type Effect = { /** Milliseconds since the world began. */ readonly at: number } & (
  | {
      /** A call that changed something at a service, and was answered so. */
      readonly kind: "call";
      readonly operation: string;
      /** The function, and the execution for which it worked. */
      readonly by: string;
      readonly execution: string | undefined;
      readonly input: unknown;
      readonly answer: unknown;
      /** Who held the lease of the environment that was changed, when it was. */
      readonly holder?: string | undefined;
      /** Of a build that was stopped: whether somebody waited for it then. */
      readonly isAwaited?: boolean;
    }
  | { readonly kind: "event"; readonly event: ServiceEvent }
  | { readonly kind: "push"; readonly push: PlannedPush; readonly digest: string }
  | { readonly kind: "deed"; readonly deed: Deed; readonly answer: string }
  | { readonly kind: "alarm"; readonly alarm: string; readonly state: AlarmChange["state"] }
  /** A person asks for something at the operator's door, or for a cancellation at the console. */
  | ({ readonly kind: "asked" } & Asked)
  /** What came of it: the HTTP status; 200 if it was done. */
  | ({ readonly kind: "answered"; readonly status: number; readonly words: string } & Asked)
  /** An execution took the lease of an environment. */
  | {
      readonly kind: "lease";
      readonly service: string;
      readonly environment: string;
      readonly owner: string;
      /** From whom it was taken, if somebody had it. */
      readonly before: string | undefined;
    }
  /** A lease was given back, or freed. */
  | {
      readonly kind: "freed";
      readonly service: string;
      readonly environment: string;
      /** Whose it was, and the execution that gave it back: none if somebody freed it. */
      readonly before: string;
      readonly execution: string | undefined;
    }
  /** A release or a deployment was given its end on record. */
  | { readonly kind: "closed"; readonly record: string; readonly by: string }
  | ({ readonly kind: "fault" } & Omit<Fault, "kind">)
  | InnerEffect
);

export interface Asked {
  readonly who: string;
  readonly action: string;
  readonly service: string;
  readonly environment?: string | undefined;
  readonly release?: string | undefined;
  readonly digest?: string | undefined;
}

export type Untimed<Any> = Any extends unknown ? Omit<Any, "at"> : never;

/** Writes down what happens, when it does. */
export type Tell = (effect: Untimed<Effect>) => void;

/** All that happened in a world, in its order. */
export interface History {
  readonly effects: readonly Effect[];
  readonly add: Tell;
}

export function createHistory(clock: Clock): History {
  const effects: Effect[] = [];
  const start = clock.now();
  return { effects, add: (effect) => void effects.push({ at: clock.now() - start, ...effect }) };
}

/** The effects of one kind. */
export function ofKind<Kind extends Effect["kind"]>(
  effects: readonly Effect[],
  kind: Kind,
): Extract<Effect, { kind: Kind }>[] {
  return effects.filter((effect): effect is Extract<Effect, { kind: Kind }> => effect.kind === kind);
}
