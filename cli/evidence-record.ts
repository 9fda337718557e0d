import type { Evidence } from "../core/records.ts";
import { line, seconds } from "./lines.ts";

/** What a build found, how long it took, and where to look. */
export function renderEvidence(label: string, evidence: Evidence): string[] {
  const { build, passed, startedAt, endedAt, buildArn, cause, reusedFrom } = evidence;
  const reused = reusedFrom === undefined ? "" : `, found for ${reusedFrom}`;
  const tests = (evidence.reports ?? []).flatMap(({ name, tests: counted }) =>
    counted === undefined ? [] : [`, ${name}: ${counted.passed} of ${counted.total} passed`],
  );
  return [
    ...line(
      label,
      `${build} ${passed ? "passed" : "failed"} in ${seconds(endedAt - startedAt)}${tests.join("")}${reused} (${buildArn})`,
    ),
    ...line("", cause),
  ];
}
