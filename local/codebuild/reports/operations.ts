import type * as codebuild from "@aws-sdk/client-codebuild";
import { AwsError, type Operation } from "../../service.ts";
import { page } from "../pages.ts";
import type { ReportGroupRecord, ReportStore, StoredReport } from "./store.ts";

/** The operations of CodeBuild on reports and their groups. */
export function createReportOperations(store: ReportStore, now: () => Date) {
  const BatchGetReports: Operation<
    codebuild.BatchGetReportsCommandInput,
    codebuild.BatchGetReportsCommandOutput
  > = ({ reportArns = [] }) => {
    checkBatch("report ARNs", reportArns);
    const all = new Map(store.reports().map(({ report }) => [report.arn, report]));
    return {
      reports: reportArns.flatMap((wanted) => structuredClone(all.get(wanted)) ?? []),
      reportsNotFound: reportArns.filter((wanted) => !all.has(wanted)),
    };
  };

  const BatchGetReportGroups: Operation<
    codebuild.BatchGetReportGroupsCommandInput,
    codebuild.BatchGetReportGroupsCommandOutput
  > = ({ reportGroupArns = [] }) => {
    checkBatch("report group ARNs", reportGroupArns);
    return {
      reportGroups: reportGroupArns.flatMap((wanted) => structuredClone(store.groups.get(wanted)) ?? []),
      reportGroupsNotFound: reportGroupArns.filter((wanted) => !store.groups.has(wanted)),
    };
  };

  const ListReportGroups: Operation<
    codebuild.ListReportGroupsCommandInput,
    codebuild.ListReportGroupsCommandOutput
  > = ({ sortBy = "CREATED_TIME", sortOrder = "ASCENDING", nextToken, maxResults }) => {
    const time = ({ created, lastModified }: ReportGroupRecord) =>
      (sortBy === "CREATED_TIME" ? created : lastModified)?.getTime() ?? 0;
    const sorted = [...store.groups.values()].toSorted((one, other) =>
      sortBy === "NAME" ? one.name.localeCompare(other.name, "en") : time(one) - time(other),
    );
    const arns = inOrder(sorted, sortOrder).map(({ arn }) => arn);
    const { items, ...more } = page(arns, nextToken, maxResults);
    return { reportGroups: items, ...more };
  };

  const listReports = (
    reports: readonly StoredReport[],
    input: Pick<codebuild.ListReportsCommandInput, "filter" | "sortOrder" | "nextToken" | "maxResults">,
  ) => {
    const wanted = reports.filter(
      ({ report }) => input.filter?.status === undefined || report.status === input.filter.status,
    );
    // Kept the newest first, which is also the order when none is asked for.
    const arns = inOrder(wanted, input.sortOrder === "ASCENDING" ? "DESCENDING" : "ASCENDING").map(
      ({ report }) => report.arn,
    );
    const { items, ...more } = page(arns, input.nextToken, input.maxResults);
    return { reports: items, ...more };
  };

  const ListReports: Operation<codebuild.ListReportsCommandInput, codebuild.ListReportsCommandOutput> = (
    input,
  ) => listReports(store.reports(), input);

  const ListReportsForReportGroup: Operation<
    codebuild.ListReportsForReportGroupCommandInput,
    codebuild.ListReportsForReportGroupCommandOutput
  > = (input) => {
    const { arn } = store.group(input.reportGroupArn);
    return listReports(
      store.reports().filter(({ report }) => report.reportGroupArn === arn),
      input,
    );
  };

  const DescribeTestCases: Operation<
    codebuild.DescribeTestCasesCommandInput,
    codebuild.DescribeTestCasesCommandOutput
  > = ({ reportArn, filter, nextToken, maxResults }) => {
    const { status, keyword = "" } = filter ?? {};
    const wanted = store
      .report(reportArn)
      .testCases.filter(
        (test) =>
          (status === undefined || test.status === status) &&
          (test.name?.includes(keyword) === true || test.prefix?.includes(keyword) === true),
      );
    const { items, ...more } = page(wanted, nextToken, maxResults);
    return { testCases: structuredClone(items), ...more };
  };

  const DescribeCodeCoverages: Operation<
    codebuild.DescribeCodeCoveragesCommandInput,
    codebuild.DescribeCodeCoveragesCommandOutput
  > = (input) => {
    const { minLineCoveragePercentage: least = 0, maxLineCoveragePercentage: most = 100 } = input;
    const percent = ({ lineCoveragePercentage = 0 }: codebuild.CodeCoverage) => lineCoveragePercentage;
    const sorted = store
      .report(input.reportArn)
      .coverages.filter((coverage) => percent(coverage) >= least && percent(coverage) <= most)
      .toSorted((one, other) =>
        input.sortBy === "FILE_PATH"
          ? (one.filePath ?? "").localeCompare(other.filePath ?? "", "en")
          : percent(one) - percent(other),
      );
    const { items, ...more } = page(inOrder(sorted, input.sortOrder), input.nextToken, input.maxResults);
    return { codeCoverages: structuredClone(items), ...more };
  };

  const CreateReportGroup: Operation<
    codebuild.CreateReportGroupCommandInput,
    codebuild.CreateReportGroupCommandOutput
  > = ({ name = "", type, exportConfig, tags }) => {
    if (!/^[\w-]{2,128}$/.test(name)) {
      throw new AwsError(
        "InvalidInputException",
        `Invalid report group name: "${name.slice(0, 80)}". It has 2 to 128 letters, digits, "-" and "_".`,
      );
    }
    if ([...store.groups.values()].some((group) => group.name === name)) {
      throw new AwsError("ResourceAlreadyExistsException", `Report group already exists: ${name}`);
    }
    checkExport(exportConfig);
    const given = { name, type, ...(exportConfig && { exportConfig }), ...(tags && { tags }) };
    return { reportGroup: structuredClone(store.addGroup(given)) };
  };

  const UpdateReportGroup: Operation<
    codebuild.UpdateReportGroupCommandInput,
    codebuild.UpdateReportGroupCommandOutput
  > = ({ arn, exportConfig, tags }) => {
    checkExport(exportConfig);
    const group = {
      ...store.group(arn),
      ...(exportConfig && { exportConfig }),
      ...(tags && { tags }),
      lastModified: now(),
    };
    store.changeGroup(group);
    return { reportGroup: structuredClone(group) };
  };

  const DeleteReport: Operation<codebuild.DeleteReportCommandInput, codebuild.DeleteReportCommandOutput> = ({
    arn = "",
  }) => {
    store.remove(arn);
    return {};
  };

  const DeleteReportGroup: Operation<
    codebuild.DeleteReportGroupCommandInput,
    codebuild.DeleteReportGroupCommandOutput
  > = ({ arn = "", deleteReports = false }) => {
    const reports = store.reports().filter(({ report }) => report.reportGroupArn === arn);
    if (reports.length > 0 && !deleteReports) {
      throw new AwsError(
        "InvalidInputException",
        `The report group has ${reports.length} reports; set deleteReports to delete them with it.`,
      );
    }
    for (const { report } of reports) store.remove(report.arn);
    store.removeGroup(arn);
    return {};
  };

  return {
    BatchGetReports,
    BatchGetReportGroups,
    ListReportGroups,
    ListReports,
    ListReportsForReportGroup,
    DescribeTestCases,
    DescribeCodeCoverages,
    CreateReportGroup,
    UpdateReportGroup,
    DeleteReport,
    DeleteReportGroup,
  };
}

function inOrder<T>(items: readonly T[], order: codebuild.SortOrderType | undefined): readonly T[] {
  return order === "DESCENDING" ? items.toReversed() : items;
}

function checkBatch(what: string, items: readonly unknown[]): void {
  if (items.length >= 1 && items.length <= 100) return;
  throw new AwsError("InvalidInputException", `Give 1 to 100 ${what}; there are ${items.length}.`);
}

function checkExport(config: codebuild.ReportExportConfig | undefined): void {
  if (config === undefined || config.exportConfigType === "NO_EXPORT") return;
  throw new AwsError(
    "InvalidInputException",
    `The local AWS does not export reports to ${config.exportConfigType}; use NO_EXPORT and read them with BatchGetReports.`,
  );
}
