import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DriftFinding,
  describeDrift,
  findDrift,
  isComparable,
  noteDrift,
  type OnRecord,
} from "../../core/drift.ts";
import { functionTimeoutSeconds } from "../../core/lease.ts";
import { shapeMembers, type TargetFound, type TargetShape } from "../../core/target.ts";

const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const uri = digest.map((hex) => `123456789012.dkr.ecr.eu-central-1.amazonaws.com/web@sha256:${hex}`);
const name = fc.stringMatching(/^[A-Z][A-Z_]{0,8}$/).filter((one) => !one.startsWith("SPILLWAY_"));
const map = fc.dictionary(name, fc.stringMatching(/^[a-z0-9-]{12,20}$/), { maxKeys: 4 });
/** What is told of a target's shape, of which each member may be absent. */
function shapes(from: number): fc.Arbitrary<TargetShape> {
  const member = fc.option(fc.constantFrom(`${from}`, `${from + 1}`), { nil: undefined });
  const members = Object.fromEntries(shapeMembers.map((name) => [name, member]));
  return fc.record(members, { requiredKeys: [] });
}
const recorded: fc.Arbitrary<OnRecord> = fc.record({
  release: fc.constant("web-3f2a91c0d4e5-1"),
  imageUri: uri,
  port: fc.integer({ min: 1, max: 65_535 }),
  variables: map,
  secrets: map,
  shape: shapes(0),
});

/** A target that is as the record says, but for a change. */
function asRecorded(record: OnRecord, change: Partial<TargetFound> = {}): TargetFound {
  return {
    status: "running",
    platformStatus: "RUNNING",
    imageUri: record.imageUri,
    deploysByItself: false,
    port: String(record.port),
    variables: { ...record.variables, SPILLWAY_RELEASE: record.release },
    secrets: record.secrets,
    shape: record.shape,
    changedAt: 1,
    ...change,
  };
}

const change: fc.Arbitrary<Partial<TargetFound>> = fc.oneof(
  fc.constant({ status: "paused" as const, platformStatus: "PAUSED" }),
  fc.constant({ status: "failed" as const, platformStatus: "DELETE_FAILED" }),
  fc.record({ imageUri: uri }),
  fc.constant({ deploysByItself: true }),
  fc.record({ variables: map }),
  fc.record({ secrets: map }),
  fc.record({ shape: shapes(1) }),
  fc.record({ port: fc.constantFrom("1", "8080") }),
);

describe("what runs, compared with what is on record", () => {
  const record: OnRecord = {
    ...{ release: "web-1", imageUri: "web@sha256:1", port: 8080, secrets: {}, shape: {} },
    variables: { LEVEL: "info" },
  };

  it("is told by what is there, if the platform says little", () => {
    const changed = asRecorded(record, { imageUri: undefined, changedAt: undefined });
    expect(findDrift(record, changed)).toEqual({
      found: "drifted",
      differences: ["it runs no image instead of web@sha256:1"],
    });
    const added = asRecorded(record, { variables: { LEVEL: "debug", MORE: "1" } });
    expect(findDrift(record, added)).toMatchObject({
      differences: ["the variable LEVEL has another value", "the variable MORE was added"],
    });
  });

  it("is compared where nobody ever held the lease", () => {
    const image = { repository: "web", digest: "sha256:1", uri: record.imageUri };
    const live = { release: "web-1", image, sequence: 1, since: 0 };
    expect(isComparable({ live }, 10 * 60_000)).toBe(true);
  });

  it("is no drift if it is the same, whatever Spillway itself adds and whenever it was changed", () => {
    const added = fc.dictionary(
      name.map((one) => `SPILLWAY_${one}`),
      fc.string(),
    );
    fc.assert(
      fc.property(recorded, added, fc.option(fc.nat(), { nil: undefined }), (record, more, changedAt) => {
        const found = asRecorded(record, { variables: { ...more, ...record.variables }, changedAt });
        expect(findDrift(record, found)).toEqual({ found: "as-recorded" });
      }),
    );
  });

  it("is a drift exactly if something differs, and never shows a value", () => {
    fc.assert(
      fc.property(recorded, change, (record, changed) => {
        const found = asRecorded(record, changed);
        const finding = findDrift(record, found);
        const own = Object.entries(found.variables).filter(([key]) => !key.startsWith("SPILLWAY_"));
        const isSame =
          found.status === "running" &&
          found.imageUri === record.imageUri &&
          !found.deploysByItself &&
          found.port === String(record.port) &&
          isEqual(Object.fromEntries(own), record.variables) &&
          isEqual(found.secrets, record.secrets) &&
          shapeMembers.every((member) => isSameWhereTold(record.shape[member], found.shape[member]));
        expect(finding.found).toBe(isSame ? "as-recorded" : "drifted");
        const said = JSON.stringify(finding);
        for (const value of [...Object.values(found.variables), ...Object.values(found.secrets)])
          if (value !== record.release) expect(said).not.toContain(value);
      }),
    );
  });

  it("cannot be told while the target is at work, and is a drift if there is none", () => {
    fc.assert(
      fc.property(recorded, change, (record, changed) => {
        expect(findDrift(record, asRecorded(record, { ...changed, status: "busy" })).found).toBe(
          "cannot-tell",
        );
        expect(findDrift(record, undefined).found).toBe("drifted");
      }),
    );
  });
});

function isSameWhereTold(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

function isEqual(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const sorted = (values: object) => JSON.stringify(Object.entries(values).toSorted());
  return sorted(one) === sorted(other);
}

describe("what is told of a drift", () => {
  const finding: fc.Arbitrary<DriftFinding> = fc.oneof(
    fc.constant({ found: "as-recorded" as const }),
    fc.constant({ found: "cannot-tell" as const }),
    fc.record({
      found: fc.constant("drifted" as const),
      differences: fc.array(fc.constantFrom("one", "two"), { minLength: 1, maxLength: 2 }),
    }),
  );

  it("is told once for each change, and its end once, however often somebody looks", () => {
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 30 }), (findings) => {
        let drift: Parameters<typeof noteDrift>[0]["drift"];
        let last = "as-recorded";
        for (const [now, found] of findings.entries()) {
          const { note, ...decided } = noteDrift({ drift }, "web-1", found, now);
          const state = found.found === "cannot-tell" ? last : JSON.stringify(found);
          const isNew = state !== last && !(last === "as-recorded" && found.found === "as-recorded");
          if (found.found === "drifted") expect(note).toBe(isNew ? "report" : "nothing");
          else expect(note).toBe(found.found === "as-recorded" && drift !== undefined ? "clear" : "nothing");
          if (note === "report" && "drift" in decided) drift = { ...decided.drift, told: true };
          if (note === "clear") drift = undefined;
          last = state;
        }
      }),
    );
  });

  it("is told again until somebody was told", () => {
    const drift = { since: 5, release: "web-1", differences: ["one"], told: false };
    const found = { found: "drifted", differences: ["one"] } as const;
    expect(noteDrift({ drift }, "web-1", found, 9)).toEqual({ note: "report", drift });
  });

  it("says what to do", () => {
    const said = describeDrift("web", "production", {
      release: "web-1",
      differences: ["it is paused"],
      changedAt: 0,
    });
    expect(said).toContain('{"intent":"recover","service":"web","environment":"production"}');
    expect(said).toContain("last changed 1970-01-01T00:00:00.000Z");
  });
});

describe("when an environment can be compared", () => {
  const live = {
    release: "web-1",
    image: { repository: "web", digest: `sha256:${"0".repeat(64)}`, uri: "web" },
    sequence: 1,
    since: 0,
  };
  const lease = { owner: "x", release: "web-1", fence: 1, reason: "deploy", since: 0 };
  const freed = { owner: "x", release: "web-1", fence: 1, reason: "released", at: 0 };
  const later = 10 * functionTimeoutSeconds * 1000;

  it("is not while anybody is or was just at work, nor while a person has to look", () => {
    expect(isComparable({ live, freed }, later)).toBe(true);
    expect(isComparable({ freed }, later)).toBe(false);
    expect(isComparable({ live, freed, lease }, later)).toBe(false);
    expect(isComparable({ live, freed: { ...freed, at: later - 60_000 } }, later)).toBe(false);
    const frozen = { reason: "a fault", since: 0, release: "web-1" };
    expect(isComparable({ live, freed, frozen }, later)).toBe(false);
  });
});
