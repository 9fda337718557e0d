import type { Effect } from "../history.ts";
import type { Plan } from "../plan.ts";
import { lostPushes, type Recorded } from "../records.ts";
import type { SimulatedWorld } from "../world.ts";
import { digestIsTested } from "./digests.ts";
import {
  closedByItself,
  everythingEnds,
  leasesAreFreed,
  nothingIsLeftRunning,
  onlyTheBrokenAreRecovered,
  recoveredOnce,
} from "./ends.ts";
import { nothingBeginsWhereAPersonMustLook } from "./frozen.ts";
import { liveIsTrue, neverOlder, noFalseDrift, noRollbackOfARollback } from "./live.ts";
import {
  failedMigrationsBringNothing,
  migrationsAreRecorded,
  oneMigrationAtOnce,
  schemaIsSupported,
  schemaLocksNobodyOut,
} from "./migrations.ts";
import {
  givenBackWhenAllIsQuiet,
  oneDeploymentAtOnce,
  onlyTheHolderChanges,
  takenOverFromTheGone,
  workIsAskedForOnce,
} from "./mutations.ts";
import {
  approvedBeforeAnythingMoves,
  askedOnce,
  cancelledChangesNothing,
  expiredEndsAsExpired,
  nothingBeginsInAFreeze,
  rejectedStaysAway,
  usersAreHeard,
} from "./people.ts";
import {
  awaitedIsNoOrphan,
  heldIsHeld,
  illIsNotReleased,
  inconclusiveIsNotHealthy,
  nobodyGivesUpHisTurn,
  nobodySleepsOn,
  oneReleaseAtOnce,
  oneReleasePerDigest,
  quarantineHolds,
  siblingsAreStopped,
  supersededByNewer,
  wokenInTime,
} from "./releases.ts";

import {
  alarmsAreHeard,
  closedOnce,
  oneReleasePerEvent,
  passedIsNotRunAgain,
  redrivenChangesNothing,
  resumedGoesOnlyWhereItIsNot,
  wordsAreHeard,
} from "./words.ts";

/** What is known of a world when it is over. */
export interface Ended {
  readonly plan: Plan;
  readonly history: readonly Effect[];
  readonly records: Recorded;
  readonly world: SimulatedWorld;
  /** What went on at the deadline, in words. */
  readonly stillOpen: readonly string[];
}

/** A rule of the design that must hold in every world. @returns what speaks against it, in words. */
export type Invariant = (ended: Ended) => string[];

/** Every rule by its name; the number is that of the rule in docs/reliability.md. */
export const invariants: Readonly<Record<string, Invariant>> = {
  "1 one deployment at a time changes an environment": oneDeploymentAtOnce,
  "1 only the holder of the lease changes an environment": onlyTheHolderChanges,
  "1 the lease is taken over only from who is gone": takenOverFromTheGone,
  "1 no lease is given back while something goes on": givenBackWhenAllIsQuiet,
  "1 no work is asked for twice": workIsAskedForOnce,
  "2 what is live never becomes older but by a rollback": neverOlder,
  "3 every execution reaches a named end within its deadline": everythingEnds,
  "3 nothing is left running": nothingIsLeftRunning,
  "3 what goes on to its end closes its records itself": closedByItself,
  "3 nobody sleeps until his time is up": nobodySleepsOn,
  "3 what a release began is stopped when it ends": siblingsAreStopped,
  "3 no build that somebody waits for is stopped as an orphan": awaitedIsNoOrphan,
  "3 whoever waits is woken in time": wokenInTime,
  "3 nobody gives up because another is at work": nobodyGivesUpHisTurn,
  "4 every lease is freed, and why is on record": leasesAreFreed,
  "4 what was recovered is not recovered again": recoveredOnce,
  "4 only what was broken off is recovered": onlyTheBrokenAreRecovered,
  "5 a rollback never triggers a rollback": noRollbackOfARollback,
  "5 what was taken back as unhealthy does not come again without a person's word": quarantineHolds,
  "5 a person's word is heard": wordsAreHeard,
  "5 no push brings what is not newer than what was taken back": heldIsHeld,
  "5 nothing new begins where a person has to look": nothingBeginsWhereAPersonMustLook,
  "6 what is deployed was tested": digestIsTested,
  "7 a migration never runs twice at once": oneMigrationAtOnce,
  "7 what a migration did is on record": migrationsAreRecorded,
  "7 a migration that failed brings nothing": failedMigrationsBringNothing,
  "8 no schema comes that the code which serves cannot read": schemaLocksNobodyOut,
  "8 code is never left on a schema that it does not support": schemaIsSupported,
  "9 the same push makes one release": oneReleasePerDigest,
  "9 the same event makes one release": oneReleasePerEvent,
  "9 an image has one open release at a time": oneReleaseAtOnce,
  "9 what is superseded gave way to something newer": supersededByNewer,
  "9 no push is lost": ({ history, records }) => lostPushes(history, records),
  "10 what cannot be told is neither healthy nor unhealthy": inconclusiveIsNotHealthy,
  "10 what is never well is never released": illIsNotReleased,
  "10 what an alarm speaks against is not released": alarmsAreHeard,
  "10 what its users complain about, or too few used, is not released": usersAreHeard,
  "11 nothing moves before enough people have approved it": approvedBeforeAnythingMoves,
  "11 people are asked once for the same word": askedOnce,
  "11 what was rejected stays away": rejectedStaysAway,
  "11 what nobody approved has expired": expiredEndsAsExpired,
  "12 nothing begins in a freeze or a stopped line": nothingBeginsInAFreeze,
  "13 what was cancelled changes nothing more": cancelledChangesNothing,
  "14 who goes on runs no check again that passed": passedIsNotRunAgain,
  "14 who goes on goes only where it is not": resumedGoesOnlyWhereItIsNot,
  "14 what is closed stays closed when it is redriven": redrivenChangesNothing,
  "14 what is closed is closed once": closedOnce,
  "what is on record as live is what serves": liveIsTrue,
  "no drift is told where nobody changed anything": noFalseDrift,
};

export interface Violation {
  readonly invariant: string;
  readonly says: string;
}

export function checkInvariants(ended: Ended): Violation[] {
  return Object.entries(invariants).flatMap(([invariant, holds]) =>
    holds(ended).map((says) => ({ invariant, says })),
  );
}
