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
  PushesSeen,
  Quarantine,
  Release,
  Revision,
} from "../../core/records.ts";

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
  ] as const)("names each field of: %s, once, and none that there is not", (heading, { shape }) => {
    expect(fieldsOf(heading).toSorted()).toEqual(Object.keys(shape).toSorted());
  });
});
