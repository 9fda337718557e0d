import type { Scenario } from "./scenario.ts";
import { accounts } from "./scenarios/accounts.ts";
import { betweenCalls } from "./scenarios/between-calls.ts";
import { brokenOff } from "./scenarios/broken-off.ts";
import { endedWork } from "./scenarios/ended.ts";
import { lost } from "./scenarios/lost.ts";
import { people } from "./scenarios/people.ts";
import { releases } from "./scenarios/releases.ts";
import { removal } from "./scenarios/removal.ts";

/** What an installation goes through in its life. Every right that Spillway grants is needed by one of these. */
export const scenarios: readonly Scenario[] = [
  ...releases,
  ...people,
  ...lost,
  ...brokenOff,
  ...endedWork,
  ...betweenCalls,
  ...accounts,
  ...removal,
];
