import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findAffected, readAdvisories } from "./advisories.ts";
import { readComponents } from "./bill.ts";
import { toSarif } from "./sarif.ts";
import { readTrivyReport } from "./trivy.ts";

const advisories = await readAdvisories(join(import.meta.dirname, "advisories"));
const idsFor = (name: string, version: string) =>
  findAffected([{ name, version }], advisories).map(({ advisory }) => advisory.id);

describe("ranges of advisories", () => {
  for (const [name, version, isAffected] of [
    ["pg", "7.1.1", true],
    ["pg", "7.1.2", false],
    ["pg", "7.0.2", false],
    ["pg", "6.4.1", true],
    ["pg", "0.1.0", true],
    ["pg", "8.23.1", false],
    ["minimist", "1.2.5", true],
    ["minimist", "0.2.4", false],
    ["minimist", "1.2.6-rc.1", true],
    ["ua-parser-js", "0.7.29", true],
    ["ua-parser-js", "0.7.28", false],
    ["pgx", "7.1.1", false],
  ] as const) {
    test(`${name} ${version} is ${isAffected ? "affected" : "not affected"}`, () => {
      assert.equal(idsFor(name, version).length, isAffected ? 1 : 0);
    });
  }

  test("the last affected version counts, listed versions count, other ecosystems do not", async () => {
    const folder = await mkdtemp(join(tmpdir(), "advisories-"));
    const range = (type: string, events: object[]) => ({ type, events });
    const entry = (ecosystem: string, rest: object) => ({ package: { ecosystem, name: "a" }, ...rest });
    await writeFile(
      join(folder, "a.json"),
      JSON.stringify({
        id: "A",
        modified: "2026-01-01T00:00:00Z",
        affected: [
          entry("npm", { ranges: [range("SEMVER", [{ last_affected: "1.4.0" }, { introduced: "1.0.0" }])] }),
          entry("npm", { versions: ["3.0.0"] }),
          entry("PyPI", { ranges: [range("ECOSYSTEM", [{ introduced: "0" }])] }),
        ],
      }),
    );
    const own = await readAdvisories(folder);
    const affected = ["0.9.0", "1.0.0", "1.4.0", "1.4.1", "3.0.0"].filter(
      (version) => findAffected([{ name: "a", version }], own).length > 0,
    );
    assert.deepEqual(affected, ["1.0.0", "1.4.0", "3.0.0"]);
    await writeFile(join(folder, "b.json"), '{"id":"B"}');
    await assert.rejects(readAdvisories(folder), { name: "AdvisoryError", message: /b\.json/ });
    await rm(folder, { recursive: true });
  });
});

test("the gravest finding comes first", () => {
  const found = findAffected(
    [
      { name: "semver", version: "7.5.1" },
      { name: "pg", version: "7.1.1" },
    ],
    advisories,
  );
  assert.deepEqual(
    found.map(({ advisory }) => advisory.severity),
    ["CRITICAL", "MODERATE"],
  );
});

test("a bill that is none is refused", () => {
  assert.throws(() => readComponents("<xml/>"), { name: "BillError" });
  assert.throws(() => readComponents('{"bomFormat":"SPDX"}'), { name: "BillError" });
  assert.deepEqual(
    readComponents(
      '{"bomFormat":"CycloneDX","components":[{"group":"@types","name":"node","version":"1.0.0"},{"name":"pg","version":"2.0.0"}]}',
    ),
    [
      { name: "@types/node", version: "1.0.0" },
      { name: "pg", version: "2.0.0" },
    ],
  );
});

test("findings are told in SARIF, the critical ones as errors", () => {
  const finding = { id: "CVE-1", name: "pg", version: "7.1.1", severity: "CRITICAL", title: "bad" };
  const scan = { source: "a test", findings: [finding, { ...finding, name: "pg-pool" }] };
  const { version, runs } = JSON.parse(toSarif(scan));
  assert.equal(version, "2.1.0");
  assert.equal(runs[0].tool.driver.rules.length, 1);
  assert.deepEqual(
    runs[0].results.map(({ ruleId, ruleIndex, level }: Record<string, unknown>) => [
      ruleId,
      ruleIndex,
      level,
    ]),
    [
      ["CVE-1", 0, "error"],
      ["CVE-1", 0, "error"],
    ],
  );
});

test("findings are read from Trivy's report", () => {
  const report = {
    Results: [
      {
        Target: "Node.js",
        Vulnerabilities: [{ VulnerabilityID: "CVE-1", PkgName: "pg", Severity: "CRITICAL" }],
      },
      { Target: "nothing" },
    ],
  };
  assert.deepEqual(
    readTrivyReport(JSON.stringify(report)).map(({ id, severity }) => [id, severity]),
    [["CVE-1", "CRITICAL"]],
  );
  assert.deepEqual(readTrivyReport("{}"), []);
});
