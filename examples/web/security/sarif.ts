import type { Scan } from "./scan.ts";

const LEVELS: Readonly<Record<string, "error" | "warning" | "note">> = {
  CRITICAL: "error",
  HIGH: "error",
  MODERATE: "warning",
  MEDIUM: "warning",
};

/** The findings in SARIF 2.1.0, as code hosts show them. Each is located in the lock file, which pins the package. */
export function toSarif(scan: Scan): string {
  const rules = [...new Map(scan.findings.map((finding) => [finding.id, finding])).values()];
  return JSON.stringify({
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "web-security-scan",
            fullName: scan.source,
            rules: rules.map(({ id, title, severity }) => ({
              id,
              shortDescription: { text: title || id },
              helpUri: `https://osv.dev/vulnerability/${id}`,
              properties: { tags: ["security", severity] },
            })),
          },
        },
        results: scan.findings.map(({ id, name, version, severity, title }) => ({
          ruleId: id,
          ruleIndex: rules.findIndex((rule) => rule.id === id),
          level: LEVELS[severity] ?? "note",
          message: { text: `${severity} in ${name} ${version}: ${title}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: "examples/web/package-lock.json" },
                region: { startLine: 1 },
              },
            },
          ],
        })),
      },
    ],
  });
}
