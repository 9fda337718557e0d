import type * as codebuild from "@aws-sdk/client-codebuild";
import { AwsError } from "../../service.ts";
import { keptIn } from "../../store.ts";
import { arn, uuid, type World } from "../../world.ts";
import type { SecretMask } from "../secret-mask.ts";
import { percentage } from "./coverage-formats.ts";
import type { ReportContent } from "./read.ts";

/** Reports are kept for 30 days, and of each at most 500 test cases (AWS documentation, "quotas"). */
const KEPT_MILLISECONDS = 30 * 24 * 3600 * 1000;
const MOST_TEST_CASES = 500;
const LONGEST_MESSAGE = 5_000;

/** A report that a build made of its files, before CodeBuild has given it a name of its own. */
export interface BuildReport {
  /** What the buildspec calls it: a name, or the ARN of a report group. */
  readonly group: string;
  readonly type: codebuild.ReportType;
  /** Undefined for files that are not there or cannot be read. */
  readonly content: ReportContent | undefined;
}

export type ReportRecord = codebuild.Report & { readonly arn: string; readonly created: Date };
export type ReportGroupRecord = codebuild.ReportGroup & { readonly arn: string; readonly name: string };

/** One report with all that is known of it. */
export interface StoredReport {
  readonly report: ReportRecord;
  readonly testCases: readonly codebuild.TestCase[];
  readonly coverages: readonly codebuild.CodeCoverage[];
}

/** The report groups of an account and their reports. */
export interface ReportStore {
  readonly groups: ReadonlyMap<string, ReportGroupRecord>;
  /** Those that have not expired, the newest first. */
  reports(): StoredReport[];
  /** @throws AwsError ResourceNotFoundException */
  group(arn: string | undefined): ReportGroupRecord;
  /** @throws AwsError ResourceNotFoundException */
  report(arn: string | undefined): StoredReport;
  addGroup(
    group: Pick<codebuild.ReportGroup, "type" | "exportConfig" | "tags"> & { name: string },
  ): ReportGroupRecord;
  /** Puts a group in the place of the one with the same ARN. */
  changeGroup(group: ReportGroupRecord): void;
  removeGroup(groupArn: string): void;
  /**
   * Keeps a build's report in its group, which is made if it is not there, unless it is named by its ARN.
   * @returns the report's ARN; undefined if there is no such group.
   */
  add(
    build: { readonly arn: string; readonly projectName: string },
    report: BuildReport,
    mask: SecretMask,
  ): string | undefined;
  remove(reportArn: string): void;
}

/** Makes the store, with what an earlier process kept of it. */
export function createReportStore(world: World): ReportStore {
  const keptGroups = keptIn<ReportGroupRecord>(world, "codebuild/report-groups");
  const keptReports = keptIn<StoredReport>(world, "codebuild/reports");
  const groups = new Map(keptGroups.entries());
  const kept = new Map(keptReports.entries());
  const now = () => new Date(world.clock.now());
  const groupArn = (name: string) => arn(world, "codebuild", `report-group/${name}`);

  const remove = (key: string) => {
    kept.delete(key);
    keptReports.delete(key);
  };

  const reports = () => {
    const current = world.clock.now();
    for (const [key, { report }] of kept) if ((report.expired?.getTime() ?? 0) <= current) remove(key);
    return [...kept.values()].reverse();
  };

  const changeGroup = (group: ReportGroupRecord) => {
    groups.set(group.arn, group);
    keptGroups.put(group.arn, group);
  };

  const addGroup: ReportStore["addGroup"] = ({ name, ...given }) => {
    const group: ReportGroupRecord = {
      exportConfig: { exportConfigType: "NO_EXPORT" },
      ...given,
      arn: groupArn(name),
      name,
      created: now(),
      lastModified: now(),
      status: "ACTIVE",
    };
    changeGroup(group);
    return group;
  };

  const group = (wanted = "") => {
    const found = groups.get(wanted);
    if (found !== undefined) return found;
    throw new AwsError("ResourceNotFoundException", `Report group not found: ${wanted.slice(0, 200)}`);
  };

  return {
    groups,
    reports,
    group,
    report(wanted = "") {
      const found = reports().find(({ report }) => report.arn === wanted);
      if (found !== undefined) return found;
      throw new AwsError("ResourceNotFoundException", `Report not found: ${wanted.slice(0, 200)}`);
    },
    addGroup,
    changeGroup,
    removeGroup(arnOfGroup) {
      groups.delete(arnOfGroup);
      keptGroups.delete(arnOfGroup);
    },
    add(build, { group: wanted, type, content }, mask) {
      const name = `${build.projectName}-${wanted.replace(/[^\w-]/g, "_")}`;
      const into = wanted.startsWith("arn:")
        ? groups.get(wanted)
        : (groups.get(groupArn(name)) ?? addGroup({ name, type }));
      if (into === undefined) return undefined;
      const reportArn = arn(world, "codebuild", `report/${into.name}:${uuid(world.random)}`);
      const created = now();
      const expired = new Date(created.getTime() + KEPT_MILLISECONDS);
      const { members, ...details } = describeContent(content, { reportArn, expired, mask });
      const report: ReportRecord = {
        arn: reportArn,
        type,
        name: into.name,
        reportGroupArn: into.arn,
        executionId: build.arn,
        created,
        expired,
        exportConfig: structuredClone(into.exportConfig),
        ...members,
      };
      kept.set(reportArn, { report, ...details });
      keptReports.put(reportArn, { report, ...details });
      return reportArn;
    },
    remove,
  };
}

type Described = Omit<StoredReport, "report"> & {
  members: Pick<codebuild.Report, "status" | "truncated" | "testSummary" | "codeCoverageSummary">;
};

interface Around {
  readonly reportArn: string;
  readonly expired: Date;
  readonly mask: SecretMask;
}

function describeContent(content: ReportContent | undefined, around: Around): Described {
  const { reportArn: reportARN, expired } = around;
  if (content === undefined)
    return { members: { status: "INCOMPLETE", truncated: false }, testCases: [], coverages: [] };
  if (content.type === "TEST") return describeTests(content.tests, around);
  const coverages = content.files.map((file, index) => ({
    id: String(index + 1),
    reportARN,
    filePath: file.path,
    ...coverageSummary([file]),
    expired,
  }));
  return {
    members: { status: "SUCCEEDED", truncated: false, codeCoverageSummary: coverageSummary(content.files) },
    testCases: [],
    coverages,
  };
}

function describeTests(
  tests: Extract<ReportContent, { type: "TEST" }>["tests"],
  { reportArn, expired, mask }: Around,
): Described {
  const statusCounts: Record<string, number> = { SUCCEEDED: 0, FAILED: 0, ERROR: 0, SKIPPED: 0, UNKNOWN: 0 };
  for (const { status } of tests) statusCounts[status] = (statusCounts[status] ?? 0) + 1;
  const isBad = (statusCounts.FAILED ?? 0) + (statusCounts.ERROR ?? 0) > 0;
  const durationInNanoSeconds = tests.reduce((sum, { seconds }) => sum + nanoseconds(seconds), 0);
  const testCases = tests.slice(0, MOST_TEST_CASES).map((test) => ({
    reportArn,
    testRawDataPath: test.file,
    prefix: mask.apply(test.prefix),
    name: mask.apply(test.name),
    status: test.status,
    durationInNanoSeconds: nanoseconds(test.seconds),
    // What a failing test says may hold what it was given.
    message: mask.apply(test.message).slice(0, LONGEST_MESSAGE),
    expired,
    testSuiteName: mask.apply(test.suite),
  }));
  return {
    members: {
      status: isBad ? "FAILED" : "SUCCEEDED",
      truncated: tests.length > MOST_TEST_CASES,
      testSummary: { total: tests.length, statusCounts, durationInNanoSeconds },
    },
    testCases,
    coverages: [],
  };
}

function coverageSummary(
  files: Extract<ReportContent, { type: "CODE_COVERAGE" }>["files"],
): codebuild.CodeCoverageReportSummary {
  const sum = (value: (file: (typeof files)[number]) => number) =>
    files.reduce((total, file) => total + value(file), 0);
  const lines = [sum((file) => file.linesCovered), sum((file) => file.linesMissed)] as const;
  const branches = [sum((file) => file.branchesCovered), sum((file) => file.branchesMissed)] as const;
  return {
    lineCoveragePercentage: percentage(...lines),
    linesCovered: lines[0],
    linesMissed: lines[1],
    branchCoveragePercentage: percentage(...branches),
    branchesCovered: branches[0],
    branchesMissed: branches[1],
  };
}

function nanoseconds(seconds: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.round(seconds * 1e9));
}
