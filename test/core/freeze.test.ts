import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FreezeWindow, parseConfig } from "../../core/config.ts";
import { decideFreeze, type Freeze } from "../../core/freeze.ts";
import { findFreezes } from "../../core/freeze-windows.ts";
import { exampleWith } from "../simulation/environments.ts";

const hour = 3_600_000;
const day = 24 * hour;
const at = (text: string) => Date.parse(text);
const iso = (freezes: readonly Freeze[]) =>
  freezes.map(({ from, until }) => [new Date(from), new Date(until)].map((moment) => moment.toISOString()));
const window = (members: object) =>
  FreezeWindow.parse({
    start: "2026-01-02T17:00",
    duration: "PT1H",
    timeZone: "UTC",
    reason: "a test",
    ...members,
  });

describe("freeze windows", () => {
  it("come by the clock on the wall, before and after the clocks change", () => {
    const weekends = window({ timeZone: "Europe/Berlin", rrule: "FREQ=WEEKLY;BYDAY=FR", duration: "PT60H" });
    expect(iso(findFreezes([weekends], at("2026-03-16T06:00Z"), at("2026-04-06T00:00Z")))).toEqual([
      ["2026-03-20T16:00:00.000Z", "2026-03-23T04:00:00.000Z"],
      // Over the night in which the clocks go forward: still 60 hours, so an hour later by the clock.
      ["2026-03-27T16:00:00.000Z", "2026-03-30T04:00:00.000Z"],
      ["2026-04-03T15:00:00.000Z", "2026-04-06T03:00:00.000Z"],
    ]);
  });

  it("last days by the calendar, however long they are", () => {
    const days = window({ timeZone: "Europe/Berlin", start: "2026-03-28T12:00", duration: "P2D" });
    const [[from, until] = []] = iso(findFreezes([days], at("2026-03-01T00:00Z"), at("2026-04-30T00:00Z")));
    expect([from, until]).toEqual(["2026-03-28T11:00:00.000Z", "2026-03-30T10:00:00.000Z"]);
  });

  it("leave out a time that the clock skips, and begin at the first of two", () => {
    const nightly = (timeZone: string) =>
      window({ timeZone, start: "2026-01-01T02:30", rrule: "FREQ=DAILY" });
    const skipped = findFreezes([nightly("Europe/Berlin")], at("2026-03-28T00:00Z"), at("2026-03-30T12:00Z"));
    expect(iso(skipped).map(([from]) => from)).toEqual([
      "2026-03-28T01:30:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
    const twice = findFreezes([nightly("Europe/Berlin")], at("2026-10-25T00:00Z"), at("2026-10-25T12:00Z"));
    expect(iso(twice).map(([from]) => from)).toEqual(["2026-10-25T00:30:00.000Z"]);
  });

  it("hold whole if they began before, and are over at their last moment", () => {
    const holidays = window({ start: "2025-12-19T17:00", duration: "P17D", rrule: "FREQ=YEARLY" });
    const freezes = findFreezes([holidays], at("2026-01-02T00:00Z"), at("2026-01-20T00:00Z"));
    expect(iso(freezes)).toEqual([["2025-12-19T17:00:00.000Z", "2026-01-05T17:00:00.000Z"]]);
    const until = at("2026-01-05T17:00Z");
    expect(decideFreeze(freezes, until - 1)).toEqual({ frozen: true, until, reason: "a test" });
    expect(decideFreeze(freezes, until)).toEqual({ frozen: false });
  });

  const windows = fc.record({
    timeZone: fc.constantFrom(
      "Europe/Berlin",
      "America/New_York",
      "Australia/Lord_Howe",
      "UTC",
      "Asia/Kathmandu",
    ),
    hours: fc.integer({ min: 1, max: 200 }),
    days: fc.integer({ min: 1, max: 28 }),
    rule: fc.constantFrom(
      "FREQ=DAILY",
      "FREQ=WEEKLY;BYDAY=FR,SU",
      "FREQ=MONTHLY;BYDAY=-1FR",
      "FREQ=YEARLY",
      undefined,
    ),
  });
  const many = fc.array(windows, { maxLength: 3 }).map((list) =>
    list.map(({ timeZone, hours, days, rule }) =>
      window({
        timeZone,
        start: `2026-02-${String(days).padStart(2, "0")}T02:30`,
        duration: `PT${hours}H`,
        ...(rule === undefined ? {} : { rrule: rule }),
      }),
    ),
  );

  it("last their hours, and are the same freezes from wherever one looks", () => {
    fc.assert(
      fc.property(many, fc.integer({ min: 0, max: 300 }), (list, offset) => {
        const from = at("2026-02-01T00:00Z") + offset * day;
        const all = findFreezes(list, from, from + 15 * day);
        const lengths = list.map(({ duration }) => Number(/\d+/.exec(duration)?.[0]) * hour);
        for (const freeze of all) {
          expect(lengths).toContain(freeze.until - freeze.from);
          expect(freeze.until).toBeGreaterThan(from);
        }
        const later = findFreezes(list, from + day, from + 15 * day);
        expect(later).toEqual(all.filter(({ until }) => until > from + day));
      }),
      { numRuns: 60 },
    );
  });

  it("freeze until a moment at which nothing is frozen, and not a millisecond longer", () => {
    const freezes = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 20 })).map(([from, length]) => ({
        ...{ from, until: from + length, reason: "a test" },
      })),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(freezes, fc.integer({ min: 0, max: 60 }), (list, now) => {
        const decided = decideFreeze(list, now);
        const isFrozen = (moment: number) => list.some(({ from, until }) => from <= moment && moment < until);
        expect(decided.frozen).toBe(isFrozen(now));
        if (!decided.frozen) return;
        for (let moment = now; moment < decided.until; moment++) expect(isFrozen(moment)).toBe(true);
        expect(isFrozen(decided.until)).toBe(false);
      }),
    );
  });

  it.each([
    [{ rrule: "FREQ=HOURLY" }, "begins with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"],
    [{ rrule: "FREQ=DAILY\nRDATE:20260101T000000Z" }, "use an RRULE of RFC 5545"],
    [{ rrule: "FREQ=WEEKLY;BYDAY=XX" }, "Invalid BYDAY value: XX"],
    [{ rrule: "FREQ=DAILY;COUNT=0" }, "never happens; let it have a COUNT above 0"],
    [
      { rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" },
      "never happens; look for a day that the month does not have",
    ],
    [{ rrule: "FREQ=DAILY;UNTIL=20260110" }, "UNTIL"],
    [{ timeZone: "Mars/Base" }, "time zone"],
    [{ start: "2026-13-02T17:00" }, "Invalid month: 13"],
    [{ start: "2026-01-02T17:00+01:00" }, "without an offset"],
    [{ duration: "P" }, "such as P2D, PT64H or P1DT12H"],
    [{ duration: "P1M" }, "use weeks, days, hours and minutes"],
  ])("are refused with the config when they cannot be used: %j", (wrong, words) => {
    const freezes = [
      { start: "2026-01-02T17:00", duration: "PT1H", timeZone: "UTC", reason: "a test", ...wrong },
    ];
    const parse = () => parseConfig(exampleWith({ freezes }));
    expect(parse).toThrow(words);
    expect(parse).toThrow("services.web.environments.production.freezes.0");
  });
});
