// Writes the bill of materials and looks for known vulnerabilities in what it lists; a critical one fails the scan.
// Uses Trivy where it is installed, otherwise the advisories kept in this folder, and says which and how old.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findAffected, readAdvisories } from "./advisories.ts";
import { readComponents, writeBill } from "./bill.ts";
import { toSarif } from "./sarif.ts";
import { scanWithTrivy } from "./trivy.ts";

const DAY_MILLISECONDS = 24 * 60 * 60 * 1_000;

/** What was found, and by what. */
export interface Scan {
  readonly source: string;
  readonly findings: readonly {
    id: string;
    name: string;
    version: string;
    severity: string;
    title: string;
  }[];
}

async function scanWithAdvisories(bill: string): Promise<Scan> {
  const advisories = await readAdvisories(join(import.meta.dirname, "advisories"));
  const newest = new Date(Math.max(...advisories.map(({ modified }) => modified.getTime())));
  const ageDays = Math.floor((Date.now() - newest.getTime()) / DAY_MILLISECONDS);
  return {
    source: `Trivy is not installed; used ${advisories.length} OSV advisories, the newest of ${newest.toISOString().slice(0, 10)}, ${ageDays} days old`,
    findings: findAffected(readComponents(bill), advisories).map(({ component, advisory }) => ({
      ...component,
      id: advisory.id,
      severity: advisory.severity,
      title: advisory.summary,
    })),
  };
}

const project = join(import.meta.dirname, "..");
const bill = await writeBill(project);
const components = readComponents(bill);
await mkdir(join(project, "reports"), { recursive: true });
const billFile = join(project, "reports/bill-of-materials.cdx.json");
await writeFile(billFile, bill);

const trivy = await scanWithTrivy(billFile);
const scan: Scan =
  trivy === undefined
    ? await scanWithAdvisories(bill)
    : { source: `Trivy ${trivy.version}, database of ${trivy.databaseDate}`, findings: trivy.findings };

console.log(`${components.length} packages in reports/bill-of-materials.cdx.json`);
console.log(scan.source);
for (const { severity, id, name, version, title } of scan.findings) {
  console.log(`${severity} ${id} in ${name} ${version}: ${title}`);
}
await writeFile(
  join(project, "reports/security-scan.json"),
  JSON.stringify({ ...scan, components: components.length }),
);

await writeFile(join(project, "reports/security-scan.sarif"), toSarif(scan));

const critical = scan.findings.filter(({ severity }) => severity === "CRITICAL").length;
console.log(`${scan.findings.length} findings, ${critical} critical`);
if (critical > 0) process.exitCode = 1;
