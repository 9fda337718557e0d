import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Approval } from "../../core/approval.ts";
import { AuditEntry } from "../../core/audit.ts";
import {
  CommitEvidence,
  Deployment,
  EnvironmentRecord,
  Evidence,
  HeardEvent,
  Installation,
  PushesSeen,
  Quarantine,
  RefusedPush,
  Release,
  Revision,
} from "../../core/records.ts";
import { Wait } from "../../core/wait.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/records.md"), "utf8");

/** The fields that the first column of a section's table names. */
function fieldsOf(heading: string): string[] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  const columns = [...own.matchAll(/^\| (`[^|]*) \|/gm)].map(([, column = ""]) => column);
  return columns.flatMap((column) => [...column.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name));
}

describe("docs/records.md", () => {
  it.each([
    ["Release", Release],
    ["Evidence", Evidence],
    ["Deployment", Deployment],
    ["Environment", EnvironmentRecord],
    ["Revision", Revision],
    ["Quarantine", Quarantine],
    ["Approval", Approval],
    ["Audit entry", AuditEntry],
    ["Commit evidence", CommitEvidence],
    ["Pushes seen", PushesSeen],
    ["Refused pushes", RefusedPush],
    ["Heard events", HeardEvent],
    ["Wait", Wait],
    ["Installation", Installation],
  ] as const)("names each field of: %s, once, and none that there is not", (heading, { shape }) => {
    expect(fieldsOf(heading).toSorted()).toEqual(Object.keys(shape).toSorted());
  });

  it("tells of each kind of item that the table holds", () => {
    const source = readFileSync(join(import.meta.dirname, "../../aws/dynamodb.ts"), "utf8");
    const [, keys = ""] = /\nconst keys = \{(.*?)\n\};/s.exec(source) ?? [];
    const kinds = [...keys.matchAll(/\b(?:pk|sk): ["`]([A-Z]+)/g)].map(([, kind]) => kind);
    expect(kinds.length).toBeGreaterThan(10);
    expect(kinds.filter((kind) => !new RegExp(`is \`${kind}\\b`).test(page))).toEqual([]);
  });
});
