import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What Trivy found in a bill of materials. */
export interface TrivyResult {
  readonly version: string;
  /** When its database was last updated, as Trivy says it; "unknown" if it does not. */
  readonly databaseDate: string;
  readonly findings: readonly {
    id: string;
    name: string;
    version: string;
    severity: string;
    title: string;
  }[];
}

const run = promisify(execFile);

/** Scans the CycloneDX file with Trivy; undefined where Trivy is not installed. Throws if Trivy itself fails. */
export async function scanWithTrivy(billFile: string): Promise<TrivyResult | undefined> {
  let version: string;
  try {
    const { stdout } = await run("trivy", ["--version", "--format=json"]);
    version = JSON.parse(stdout).Version;
  } catch {
    return undefined;
  }
  const words = ["sbom", "--quiet", "--format=json", "--scanners=vuln", billFile];
  const { stdout } = await run("trivy", words, { maxBuffer: 64 * 1024 * 1024 });
  // The date exists only once the scan above has fetched the database.
  const about: { VulnerabilityDB?: { UpdatedAt?: string } } = JSON.parse(
    (await run("trivy", ["--version", "--format=json"])).stdout,
  );
  return {
    version,
    databaseDate: about.VulnerabilityDB?.UpdatedAt ?? "unknown",
    findings: readTrivyReport(stdout),
  };
}

interface TrivyReport {
  Results?: {
    Vulnerabilities?: {
      VulnerabilityID?: string;
      PkgName?: string;
      InstalledVersion?: string;
      Severity?: string;
      Title?: string;
    }[];
  }[];
}

/** The findings of a report in Trivy's JSON format. */
export function readTrivyReport(text: string): TrivyResult["findings"] {
  const report: TrivyReport = JSON.parse(text);
  return (report.Results ?? [])
    .flatMap((result) => result.Vulnerabilities ?? [])
    .map((found) => ({
      id: found.VulnerabilityID ?? "unknown",
      name: found.PkgName ?? "unknown",
      version: found.InstalledVersion ?? "unknown",
      severity: found.Severity ?? "UNKNOWN",
      title: found.Title ?? "",
    }));
}
