import type { Behaviour } from "./behaviour.ts";
import { createDice } from "./dice.ts";
import { drawPlan } from "./draws.ts";
import { drawTheme } from "./themes.ts";

/** What happens in a simulated world: everything that a seed draws, and nothing else. Times are seconds of its clock. */
export interface Plan {
  readonly seed: number;
  /** What the world is about, if it is about something; see `themes.ts`. */
  readonly theme?: string;
  readonly setting: Setting;
  readonly pushes: readonly PlannedPush[];
  readonly deeds: readonly Deed[];
  readonly faults: FaultPlan;
}

/** What the team has configured. */
export interface Setting {
  readonly services: readonly string[];
  /** Whether a failed deployment takes its migration back. */
  readonly reverts: boolean;
  /** Whether production is verified by a stage of its own. */
  readonly verifies: boolean;
  /** Staging before production, or both side by side. */
  readonly waves: "one" | "two";
}

export interface PlannedPush {
  readonly at: number;
  readonly service: string;
  readonly tag: string;
  readonly commit: string;
  /** The images of its commit, as they behave. */
  readonly behaviour: Behaviour;
}

/** What a person does. */
export type Deed = { readonly at: number } & (
  | { readonly does: "release"; readonly service: string; readonly tag: string }
  | {
      readonly does: "roll-back" | "recover" | "promote";
      readonly service: string;
      readonly environment: string;
    }
  /** Stops an open execution of a machine: the nth, as far as there are so many. */
  | { readonly does: "stop"; readonly machine: "DeployMachine" | "ReleaseMachine"; readonly which: number }
);

/** How bad the weather is. Each share is of all calls or events, until `until`. */
export interface FaultPlan {
  readonly until: number;
  readonly calls: number;
  readonly events: number;
  /** A function that has bad luck: what happens to its calls instead. */
  readonly unlucky?: { readonly function: string; readonly calls: number };
  /** Milliseconds by which clocks of functions differ at most. */
  readonly skew: number;
  /** Milliseconds that an index is behind at most. */
  readonly indexLag: number;
  /** If given, only these faults happen, whatever the shares say. */
  readonly only?: readonly string[];
}

/** The plan of a seed: the same for the same seed. */
export function createPlan(seed: number): Plan {
  return drawTheme(drawPlan(seed), createDice(`theme ${seed}`));
}
