import type { BuildOutcome } from "../../local/codebuild/runner.ts";

/** How long a build takes, and how it ends: 10 s, passed, silent unless said. */
export interface StageBehaviour {
  readonly seconds?: number;
  readonly passes?: boolean;
  readonly prints?: readonly string[];
  /** How many of its first builds end by a fault of CodeBuild's own; none unless said. */
  readonly faults?: number;
  /** How many of its first builds fail although it passes in the end; none unless said. */
  readonly failures?: number;
  /** Whether it pulls the images that it is about. */
  readonly pulls?: boolean;
  readonly reports?: BuildOutcome["reports"];
  readonly artifacts?: BuildOutcome["artifacts"];
}

/** How a migration image behaves. */
export interface MigrationBehaviour {
  readonly exitCode?: number;
  /** The exit code of taking a migration back; 0 unless said. */
  readonly downExitCode?: number;
  readonly after?: string;
  /** Where a failing migration leaves the schema; as it was unless said. */
  readonly leaves?: string;
  readonly silent?: boolean;
  /** What it prints when it fails, before it says why. */
  readonly prints?: readonly string[];
  /** Seconds that a migration takes; 5 unless said. */
  readonly seconds?: number;
  /** So many seconds after its end its report is in the log; at once unless said. */
  readonly reportsAfterSeconds?: number;
  /** How many of its tasks for a database cannot be started, the first unless `startFaultsAfter` so many; none unless said. */
  readonly startFaults?: number;
  readonly startFaultsAfter?: number;
  /** So many seconds after the application's image its own is pushed; before it unless said. */
  readonly pushedAfterSeconds?: number;
  /** Whether the database cannot be reached. */
  readonly unreachable?: boolean;
  /** Every revision up to the head, and the oldest code that can read the head; the head alone unless said. */
  readonly history?: readonly string[];
  readonly readableFrom?: string;
}

/** How one image behaves; the rest of the world is real. */
export interface Behaviour {
  /** What a stage does, or one build of its matrix. */
  readonly stages?: Readonly<Record<string, StageBehaviour>>;
  /** The order of its build; one more than the last unless said. */
  readonly sequence?: number;
  /** Who made it, as its label says; nobody unless said. */
  readonly author?: string;
  /** Its migration image: `after` is its head, 0001 unless said. */
  readonly migration?: MigrationBehaviour;
  /** HTTP status of the health path as App Runner sees it, and as the world sees it; 200 unless said. */
  readonly probeStatus?: number;
  readonly healthStatus?: number;
  /** Instead of listening; a tenth of a second after it began unless `startSeconds` is said. */
  readonly crashesOnStart?: boolean;
  /** What it prints before it crashes. */
  readonly prints?: readonly string[];
  /** Seconds until it listens; none unless said. */
  readonly startSeconds?: number;
  /** From when (milliseconds of the world's clock) the health path answers 500; never unless said. */
  readonly failsFrom?: number;
  /** Until when the health path answers 500; it is well from the beginning unless said. */
  readonly wellFrom?: number;
  /** The health path answers 500 for so many seconds, then is well for as many; never unless said. */
  readonly flapSeconds?: number;
  /** Seconds until the health path answers the world; none unless said. */
  readonly healthSeconds?: number;
  /** Whether the world can reach the service at all; yes unless said. */
  readonly unreachable?: boolean;
  /** Who uses it: so many requests each minute, of which so many get 500. Nobody unless said. */
  readonly users?: { readonly perMinute: number; readonly failing?: number };
  /** The body of the health path; by default JSON that names the commit. */
  readonly healthBody?: string;
}

/** How a commit behaves; its build may forget to push. */
export interface CommitBehaviour extends Behaviour {
  readonly pushes?: boolean;
}

/** What is known of an image: under which tag it was pushed, and how it behaves. */
export interface KnownImage {
  readonly tag: string;
  readonly behaviour: Behaviour;
}

/** How images and commits behave. */
export interface Behaviours {
  /** The image of a URI that is pinned by digest. */
  ofImage(uri: string): KnownImage | undefined;
  setImage(digest: string, image: KnownImage): void;
  ofCommit(commit: string): CommitBehaviour | undefined;
  setCommit(commit: string, behaviour: CommitBehaviour): void;
}

export function createBehaviours(): Behaviours {
  const images = new Map<string, KnownImage>();
  const commits = new Map<string, CommitBehaviour>();
  return {
    ofImage: (uri) => images.get(uri.split("@").at(-1) ?? ""),
    setImage: (digest, image) => void images.set(digest, image),
    ofCommit: (commit) => commits.get(commit),
    setCommit: (commit, behaviour) => void commits.set(commit, behaviour),
  };
}
