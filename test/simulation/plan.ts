import type { Behaviour, CommitBehaviour } from "./behaviour.ts";
import { drawCoincidences } from "./coincidences.ts";
import { createDice } from "./dice.ts";
import { drawPlan } from "./draws.ts";
import { drawLooks } from "./looks.ts";
import { drawPeople } from "./people.ts";
import { drawRarities } from "./rarities.ts";
import { drawRequests } from "./requests.ts";
import { drawTheme } from "./themes.ts";
import { drawWords } from "./words.ts";

/** What happens in a simulated world: everything that a seed draws, and nothing else. Times are seconds of its clock. */
export interface Plan {
  readonly seed: number;
  /** What the world is about, if it is about something; see `themes.ts`. */
  readonly theme?: string;
  readonly setting: Setting;
  readonly pushes: readonly PlannedPush[];
  /** Commits of the first service of which images can be built. */
  readonly commits?: readonly PlannedCommit[];
  readonly deeds: readonly Deed[];
  /** What CloudWatch's alarms do that releases are watched by; each is OK at first. */
  readonly alarms?: readonly AlarmChange[];
  readonly faults: FaultPlan;
}

export interface AlarmChange {
  readonly at: number;
  readonly alarm: string;
  readonly state: "OK" | "ALARM" | "INSUFFICIENT_DATA";
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
  /** What an environment demands besides. */
  readonly rules?: Readonly<Partial<Record<Environment, Rules>>>;
  /** After how many seconds nobody waits any more for people, and for a turn; as the machines say unless said. */
  readonly patience?: { readonly approvalSeconds: number; readonly turnSeconds: number };
  /** After how many seconds Step Functions ends an execution of a machine, whatever it does; as the machines say unless said. */
  readonly timeLimits?: { readonly deploySeconds?: number; readonly releaseSeconds?: number };
  /** How often it is looked for lost pushes, drift, orphans and images; seldom unless said. */
  readonly looks?: "each minute";
}

export type Environment = "staging" | "production";

/** What an environment demands of what comes there. */
export interface Rules {
  /** So many people have to approve it. */
  readonly approvals?: number;
  /** Nothing comes in these minutes of the world. */
  readonly freeze?: { readonly fromMinute: number; readonly minutes: number };
  readonly bake?: Bake;
}

/** How a release is watched; unless `errorPercent` is said, without its users. */
export interface Bake {
  readonly minutes: number;
  readonly intervalSeconds: number;
  readonly errorPercent?: number;
  readonly minimumRequests?: number;
  readonly alarms?: readonly string[];
  readonly whenInconclusive?: "hold" | "rollBack";
}

export interface PlannedCommit {
  readonly commit: string;
  readonly behaviour: CommitBehaviour;
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
export type Deed = { readonly at: number } /** `force`: all the same, whatever speaks against it. */ & (
  | { readonly does: "release"; readonly service: string; readonly tag: string; readonly force?: true }
  | {
      readonly does: "roll-back" | "recover";
      readonly service: string;
      readonly environment: string;
    }
  /** Has App Runner bring up anew what serves, and nothing else. */
  | { readonly does: "redeploy"; readonly service: string; readonly environment: string }
  | {
      readonly does: "promote";
      readonly service: string;
      readonly environment: string;
      readonly force?: true;
    }
  /** Has the newest release of an image go on from where it ended, as a release of its own. */
  | { readonly does: "resume"; readonly service: string; readonly tag: string }
  /** Has Step Functions go on with an execution that ended otherwise than well: the nth last, as far as there are so many. */
  | { readonly does: "redrive"; readonly machine: "DeployMachine" | "ReleaseMachine"; readonly which: number }
  /** Another system asks for a release on the bus; the same `event` is that one, delivered or replayed once more. */
  | { readonly does: "request"; readonly service: string; readonly tag: string; readonly event: string }
  /** Has an image built of a commit. */
  | { readonly does: "build"; readonly service: string; readonly commit: string }
  /** Cancels the newest release of an image, at the operator's door or at the console. */
  | {
      readonly does: "cancel";
      readonly service: string;
      readonly tag: string;
      readonly who: string;
      readonly where: "door" | "console";
    }
  /** Stops the line and has it go on after a while. */
  | {
      readonly does: "stop-the-line";
      readonly service: string;
      readonly environment: string;
      readonly who: string;
      readonly forSeconds: number;
    }
  | {
      readonly does: "override-freeze";
      readonly service: string;
      readonly tag: string;
      readonly environment: string;
      readonly who: string;
    }
  | {
      readonly does: "lift-hold";
      readonly service: string;
      readonly environment: string;
      readonly who: string;
    }
  | { readonly does: "lift-quarantine"; readonly service: string; readonly tag: string; readonly who: string }
  /** Says a word about an image, so long (`at`) after people were asked. */
  | {
      readonly does: "answer";
      readonly service: string;
      readonly tag: string;
      readonly who: string;
      readonly says: "approve" | "reject";
    }
  /** Stops an open execution of a machine: the nth, as far as there are so many. */
  | { readonly does: "stop"; readonly machine: "DeployMachine" | "ReleaseMachine"; readonly which: number }
  /**
   * Stops the execution that calls a function next, so long after it did, and has it go on after all if that is said.
   * Nothing if none calls it within half an hour.
   */
  | {
      readonly does: "break-off";
      readonly function: string;
      readonly afterSeconds: number;
      readonly redriveAfterSeconds?: number;
    }
);

/** How bad the weather is. Each share is of all calls or events, until `until`. */
export interface FaultPlan {
  readonly until: number;
  readonly calls: number;
  readonly events: number;
  /** A function that has bad luck: what happens to its calls instead. */
  readonly unlucky?: {
    readonly function: string;
    readonly calls: number;
    /** Which share of its invocations is killed as it begins; none unless said. */
    readonly invocations?: number;
    /** From when until when; always unless said. */
    readonly from?: number;
    readonly until?: number;
    /** Which of all that may happen to a call; any unless said. */
    readonly faults?: readonly string[];
    /** To which of its calls; to any unless said. The others are as those of any function. */
    readonly operations?: readonly string[];
    /** Only to those of which the request says this. */
    readonly about?: string;
    /** By how much what is done or answered late is late: by one of these. */
    readonly lateSeconds?: readonly [number, ...number[]];
  };
  /** Milliseconds by which clocks of functions differ at most. */
  readonly skew: number;
  /** Milliseconds that an index is behind at most. */
  readonly indexLag: number;
  /** If given, only these faults happen, whatever the shares say. */
  readonly only?: readonly string[];
}

/** The plan of a seed: the same for the same seed. */
export function createPlan(seed: number): Plan {
  const themed = drawTheme(drawPlan(seed), createDice(`theme ${seed}`));
  const peopled = drawPeople(themed, createDice(`people ${seed}`));
  const worded = drawWords(peopled, createDice(`words ${seed}`));
  const rare = drawRarities(worded, createDice(`rarities ${seed}`));
  const met = drawCoincidences(rare, createDice(`coincidences ${seed}`));
  return drawLooks(drawRequests(met, createDice(`requests ${seed}`)), createDice(`looks ${seed}`));
}
