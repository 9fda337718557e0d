import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endDeployment, schemaMembers } from "../../core/ending.ts";
import { type Intent, readIntent } from "../../core/intent.ts";
import { revertTarget } from "../../core/migration.ts";
import type { Deployment, Revision } from "../../core/records.ts";
import { endBroken } from "../../core/recovery.ts";
import { findRevision, replaceLive } from "../../core/revisions.ts";
import { decideStillWanted } from "../../core/still-wanted.ts";

const image = { repository: "web", digest: `sha256:${"a".repeat(64)}`, uri: "web@sha256" };
const revision = (release: string, members: Partial<Revision> = {}): Revision => ({
  release,
  image,
  sequence: 1,
  since: 0,
  ...members,
});
const deployment = (members: Partial<Deployment> = {}): Deployment => ({
  release: "web-2",
  environment: "production",
  attempt: 1,
  service: "web",
  executionArn: "arn:deploy",
  intent: "deploy",
  fence: 1,
  openedAt: 0,
  previous: revision("web-1", { commit: "aaaaaaa", schema: "0001", builtAgainst: "0001" }),
  verification: {},
  ...members,
});

describe("what an execution of the deploy machine is asked for", () => {
  it("is read, with the reason of a person and the execution that started it", () => {
    expect(
      readIntent({
        intent: "rollback",
        service: "web",
        environment: "production",
        reason: "it is slow",
        AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: "arn:release",
      }),
    ).toEqual({
      intent: "rollback",
      service: "web",
      environment: "production",
      to: "previous",
      reason: "it is slow",
      force: false,
      startedBy: "arn:release",
    });
  });

  it("is refused in words with an example, whatever else comes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        let said = "";
        try {
          readIntent(input);
        } catch (error) {
          said = error instanceof Error ? `${error.name}: ${error.message}` : "";
        }
        expect(said).toMatch(/^InvalidInput: .*"intent":/s);
      }),
    );
  });
});

describe("the revisions of an environment", () => {
  const names = fc.array(fc.constantFrom("web-1", "web-2", "web-3", "web-4"), { maxLength: 60 });

  it("hold each release once, never the live one, and at most twenty", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 80 }), (order) => {
        let record: { live?: Revision; history: Revision[] } = { history: [] };
        for (const name of order) record = replaceLive(record, revision(`web-${name}`), "replaced");
        const known = record.history.map(({ release }) => release);
        expect(new Set(known).size).toBe(known.length);
        expect(known).not.toContain(record.live?.release);
        expect(known.length).toBeLessThanOrEqual(20);
      }),
    );
  });

  it("never give back by `previous` what somebody went back from", () => {
    fc.assert(
      fc.property(names, (order) => {
        let record: { environment: string; live?: Revision; history: Revision[] } = {
          environment: "production",
          history: [],
        };
        for (const name of order) record = { ...record, ...replaceLive(record, revision(name), "replaced") };
        const left = new Set<string>();
        for (;;) {
          const previous = attempt(() => findRevision(record, "previous"));
          if (previous === undefined) return;
          expect(left.has(previous.release)).toBe(false);
          left.add(record.live?.release ?? "");
          record = { ...record, ...replaceLive(record, previous, "rolled-back") };
        }
      }),
    );
  });
});

function attempt<Value>(run: () => Value): Value | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

describe("whether a deployment is still wanted", () => {
  const live = revision("web-5", {
    sequence: 5,
    schema: "0003",
    schemaHistory: ["0001", "0002", "0003"],
    readableFrom: "0002",
  });
  const decide = (
    intent: Intent,
    members: { id?: string; trigger?: "push" | "console"; sequence?: number; builtAgainst?: string } = {},
  ) => {
    const release = { id: "web-4", trigger: "push" as const, sequence: 4, builtAgainst: "0003", ...members };
    const decided = decideStillWanted({ intent, environment: "production" }, release, live);
    return decided.wanted ? "wanted" : decided.error;
  };
  it.each([
    ["deploy", { sequence: 6 }, "wanted"],
    ["deploy", { sequence: 5 }, "wanted"],
    ["deploy", {}, "Superseded"],
    ["deploy", { trigger: "console" }, "DeploymentRefused"],
    ["promote", {}, "DeploymentRefused"],
    ["deploy", { id: "web-5" }, "DeploymentRefused"],
    ["rollback", {}, "wanted"],
    ["rollback", { builtAgainst: "0002" }, "wanted"],
    ["rollback", { builtAgainst: "0001" }, "DeploymentRefused"],
    ["rollback", { builtAgainst: "unlabelled" }, "wanted"],
    ["rollback", { id: "web-5" }, "DeploymentRefused"],
    ["recover", { id: "web-5" }, "wanted"],
  ] as const)("%s %j: %s", (intent, members, expected) => {
    expect(decide(intent, members)).toBe(expected);
  });

  it("moves what is live to an older release by a rollback only", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Intent>("deploy", "promote", "rollback"),
        fc.nat({ max: 10 }),
        fc.constantFrom("push" as const, "console" as const),
        (intent, sequence, trigger) => {
          if (decide(intent, { sequence, trigger }) === "wanted" && sequence < 5)
            expect(intent).toBe("rollback");
        },
      ),
    );
  });
});

describe("the one sentence of an end", () => {
  const release = {
    id: "web-2",
    executionArn: "arn:release",
    commit: "bbbbbbb",
    builtAgainst: "0002",
    schemaHistory: ["0001", "0002"],
    readableFrom: "0001",
  };
  const unhealthy = { error: "DeploymentUnhealthy", cause: "/health answered HTTP 500" };
  const restored = {
    phase: "restored" as const,
    verdict: "healthy" as const,
    state: { startedAt: 0, successes: 2, failures: 0, looks: 2, recent: [] },
  };
  const back = { rollback: { action: "restored" as const, at: 1 }, health: [restored] };
  const migrated = { begunAt: 1, before: "0001", after: "0002", confirmed: true };
  const say = (members: Partial<Deployment>, failed = true) =>
    endDeployment({
      deployment: deployment(members),
      release,
      failures: failed ? [unhealthy] : [],
      verdict: "healthy",
    }).reason;

  it("names a release without a commit, and counts one look as one", () => {
    const once = { ...restored, state: { ...restored.state, looks: 1 } };
    expect(say({ ...back, health: [once], previous: revision("web-1") })).toMatch(
      /^rolled back to web-1, verified healthy after 1 look; because/,
    );
  });

  it("says of a rollback what becomes of an empty database", () =>
    expect(say({ intent: "rollback", previous: revision("web-1", { schema: null }) }, false)).toMatch(
      /the schema stays at nothing \(.*by this code\)/,
    ));

  it("says what was done, what is true now, and why", () => {
    expect(say({ ...back, migration: migrated })).toBe(
      "rolled back to web-1 (commit aaaaaaa), verified healthy after 2 looks; the migration 0002 stays (readable by the previous code); because DeploymentUnhealthy: /health answered HTTP 500",
    );
    expect(say({ ...back, migration: { ...migrated, revert: "done" } })).toContain(
      "the migration was taken back to schema 0001",
    );
    expect(say({ migration: migrated, health: [{ ...restored, phase: "deployed" }] }, false)).toBe(
      "web-2 (commit bbbbbbb) is live, verified healthy after 2 looks; the schema went from 0001 to 0002",
    );
  });

  it("says that the service was ill before, since that may be the cause", () => {
    const ill = {
      at: 0,
      answered: true,
      status: 500,
      latencyMilliseconds: 1,
      complaint: "/health answered HTTP 500",
    };
    expect(say({ ...back, healthBefore: ill })).toContain(
      "the service was ill before: /health answered HTTP 500",
    );
  });
});

describe("the schema on record", () => {
  const source = { id: "web-2", schemaHistory: ["0001", "0002"], readableFrom: "0001" };
  const begun = { begunAt: 1, before: "0001", after: "0002", confirmed: true };
  it.each([
    [{ migration: begun }, { schema: "0002", schemaHistory: ["0001", "0002"], readableFrom: "0001" }],
    [{ migration: { ...begun, confirmed: false } }, { schema: undefined, schemaLeftBy: "web-2" }],
    [{ migration: { ...begun, revert: "begun" } }, { schema: undefined, schemaLeftBy: "web-2" }],
    [{ migration: { ...begun, revert: "done" } }, { schema: "0001" }],
    [{ migration: undefined }, { schema: "0001" }],
    [{ databaseBefore: { at: 0, schema: null } }, { schema: null }],
  ] as const)("of %j is %j", (members, expected) => {
    expect(schemaMembers(deployment(members), source)).toMatchObject(expected);
  });
});

describe("what is taken back of a migration", () => {
  const migration = { begunAt: 0, before: "0001", after: "0002", confirmed: true };
  it.each([
    [{ migration }, "0001"],
    [{ migration: { ...migration, after: "0001" } }, undefined],
    [{ migration: { ...migration, before: null } }, undefined],
    [{ migration: { ...migration, confirmed: false } }, undefined],
    [{ migration: undefined }, undefined],
    [{ migration, previous: undefined }, undefined],
  ])("%j: %s", (members, expected) => {
    expect(revertTarget(deployment(members))).toBe(expected);
  });
});

describe("the end of a deployment that was broken off", () => {
  const recovery = deployment({ release: "web-1", intent: "recover" });
  const end = (
    members: Partial<Deployment>,
    outcome: "Released" | "NeedsAttention" = "Released",
    live = "web-1",
    endedAs: string | null = "ABORTED",
    isCancelled = false,
  ) =>
    endBroken(
      deployment(members),
      { status: endedAs ?? undefined, isCancelled },
      {
        deployment: { ...recovery, previous: revision(live) },
        outcome,
        reason: "web-1 serves",
      },
    ).outcome;
  const switched = { begunAt: 1 };
  const migration = { begunAt: 1, confirmed: false };

  it("is what is true after the recovery", () => {
    expect(end({})).toBe("Cancelled");
    expect(end({ migration: { ...migration, skipped: true } })).toBe("Cancelled");
    expect(end({ migration })).toBe("RolledBack");
    expect(end({ switched })).toBe("RolledBack");
    expect(end({ switched }, "NeedsAttention")).toBe("NeedsAttention");
    expect(end({ switched }, "Released", "web-2")).toBe("Released");
  });

  it("says who ended it where nothing was touched: a person, its time, or what went wrong", () => {
    expect(end({}, "Released", "web-1", "TIMED_OUT")).toBe("Expired");
    expect(end({}, "Released", "web-1", "FAILED")).toBe("Rejected");
    expect(end({}, "Released", "web-1", null)).toBe("Rejected");
    expect(end({}, "Released", "web-1", "FAILED", true)).toBe("Cancelled");
    expect(end({ switched }, "Released", "web-1", "TIMED_OUT")).toBe("RolledBack");
  });
});

describe("going back", () => {
  const record = { environment: "production", live: revision("web-3"), history: [revision("web-2")] };

  it("is to what was live there, by name", () => {
    expect(findRevision(record, "web-2").release).toBe("web-2");
    expect(findRevision(record, "web-3").release).toBe("web-3");
    expect(findRevision({ ...record, live: undefined }, "web-2").release).toBe("web-2");
  });
  it("is refused with the names there are", () => {
    expect(() => findRevision(record, "web-9")).toThrow(
      "production never ran web-9, or too long ago; it can go back to web-2.",
    );
    expect(() => findRevision({ environment: "production" }, "web-9")).toThrow(
      /it can go back to nothing\.$/,
    );
  });
  it("is refused onto a schema that the code is not labelled to read, in words", () => {
    const live = revision("web-3", { schema: "0002", schemaHistory: ["0001", "0002"] });
    const older = { id: "web-1", builtAgainst: "0001", sequence: 1, trigger: "console" as const };
    const decided = decideStillWanted({ intent: "rollback", environment: "production" }, older, live);
    expect(decided).toMatchObject({
      error: "DeploymentRefused",
      reason: expect.stringContaining("which code from 0002 on can read"),
    });
    const unknown = revision("web-3");
    expect(decideStillWanted({ intent: "rollback", environment: "production" }, older, unknown)).toEqual({
      wanted: true,
    });
  });
});
