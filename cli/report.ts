import { styleText } from "node:util";
import type { Deployment, EnvironmentRecord, Release } from "../core/records.ts";
import { shown } from "./lines.ts";

/** What `--json` prints as its last line. Times are milliseconds. */
export interface Report {
  readonly outcome: string;
  readonly release: string;
  readonly reason?: string | undefined;
  readonly environments: Readonly<
    Record<
      string,
      {
        outcome: string;
        digest?: string | undefined;
        commit?: string | undefined;
        schema?: string | null | undefined;
        url?: string | undefined;
      }
    >
  >;
  readonly stages: readonly {
    readonly stage: string;
    readonly passed: boolean;
    readonly milliseconds: number;
  }[];
  readonly timings: Readonly<Record<string, number>>;
}

/** Draws the report from the records. */
export function reportOf(
  release: Release,
  deployments: readonly Deployment[],
  environments: ReadonlyMap<string, { record: EnvironmentRecord; url: string | undefined }>,
  timings: Readonly<Record<string, number>>,
): Report {
  return {
    outcome: release.outcome ?? "open",
    release: release.id,
    reason: release.reason,
    environments: Object.fromEntries(
      [...environments].map(([name, { record, url }]) => [
        name,
        {
          outcome: deployments.findLast(({ environment }) => environment === name)?.outcome ?? "untouched",
          digest: record.live?.image.digest,
          commit: record.live?.commit,
          schema: record.live?.schema,
          url,
        },
      ]),
    ),
    stages: Object.values(release.evidence).map(({ stage, build, passed, startedAt, endedAt }) => ({
      stage,
      build,
      passed,
      milliseconds: endedAt - startedAt,
    })),
    timings: { ...timings, releaseMilliseconds: (release.endedAt ?? release.openedAt) - release.openedAt },
  };
}

/** What a person reads when a release has ended. */
export function renderReport({ outcome, release, reason, environments, timings }: Report): string {
  const colour = outcome === "Released" ? "green" : "yellow";
  const seconds = ((timings.pushToEndMilliseconds ?? 0) / 1000).toFixed(1);
  return [
    `\n${styleText(["bold", colour], outcome)}  ${release}  in ${seconds} s`,
    ...(outcome === "Released" ? [] : [`  why       ${shown(reason ?? "not told yet")}`]),
    ...Object.entries(environments).map(
      ([name, { digest, commit, schema, url }]) =>
        `  ${name}\n    live    ${digest ?? "nothing"}\n    commit  ${shown(commit ?? "unknown")}\n    schema  ${shown(schema ?? "none")}\n    url     ${url ?? "none"}\n`,
    ),
  ].join("\n");
}
