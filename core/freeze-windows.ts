import { RRuleTemporal } from "rrule-temporal";
import type { FreezeWindow } from "./config.ts";
import type { Freeze } from "./freeze.ts";

const hour = 3_600_000;

/**
 * When an environment is frozen between two moments (milliseconds), by its windows; a freeze that began before or ends
 * after is whole. A window begins by the clock on the wall of its time zone; its days are days there, however long, and
 * its hours are hours. As RFC 5545 says, a beginning that a clock skips is left out, and of one that comes twice the first counts.
 */
export function findFreezes(windows: readonly FreezeWindow[], from: number, until: number): Freeze[] {
  return windows
    .flatMap((window) => occurrencesOf(window, from, until))
    .toSorted((one, other) => one.from - other.from || one.until - other.until);
}

function occurrencesOf(window: FreezeWindow, from: number, until: number): Freeze[] {
  const { duration, reason } = window;
  return ruleOf(window)
    .between(new Date(from - longest(duration)), new Date(until), true)
    .map((begin) => ({
      from: begin.epochMilliseconds,
      until: begin.add(duration).epochMilliseconds,
      reason,
    }))
    .filter((freeze) => freeze.until > from);
}

/** What is wrong with a window, in words; undefined: nothing. */
export function checkFreezeWindow(window: FreezeWindow): string | undefined {
  const { rrule, start, timeZone } = window;
  try {
    const rule = ruleOf(window);
    if (rule.next(new Date(0)) === null) return `${rrule} never happens; let it have a COUNT above 0`;
    return undefined;
  } catch (error) {
    const words = String(error).replace(/^\w*Error: /, "");
    if (words.startsWith("Maximum iterations"))
      return `${rrule} never happens; look for a day that the month does not have`;
    return `the rule ${rrule ?? "(none)"} from ${start} in ${timeZone} cannot be used: ${words}`;
  }
}

function ruleOf({ rrule = "FREQ=DAILY;COUNT=1", start, timeZone }: FreezeWindow) {
  const begin = `DTSTART;TZID=${timeZone}:${start.replaceAll(/[-:]/g, "")}00`;
  return new RRuleTemporal({ rruleString: `${begin}\nRRULE:${rrule}`, strict: true });
}

/** More than a duration of weeks, days, hours and minutes can be. */
function longest(duration: string): number {
  const [date = "", time = ""] = duration.split("T");
  const count = (text: string, unit: RegExp) => Number(unit.exec(text)?.[1] ?? 0);
  const days = count(date, /(\d+)W/) * 7 + count(date, /(\d+)D/) + 2;
  return days * 24 * hour + count(time, /(\d+)H/) * hour + count(time, /(\d+)M/) * 60_000;
}
