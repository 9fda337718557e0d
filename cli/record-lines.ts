import type { Evidence } from "../core/records.ts";
import { hideSecrets } from "../core/redaction.ts";

/** One labelled line of a record; none if there is nothing to say. */
export function line(label: string, text: string | false | undefined): string[] {
  return text === undefined || text === false || text === "" ? [] : [`  ${label.padEnd(12)} ${text}`];
}

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
    ...line("", cause && hideSecrets(cause)),
  ];
}

/** A duration as people read it. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
