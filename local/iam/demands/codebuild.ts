import type * as codebuild from "@aws-sdk/client-codebuild";
import { type Demands, demand, passRoles } from "../demand.ts";

/** What operations of CodeBuild need: builds are guarded by their project, reports by their group. */
export function codebuildDemands(arn: (service: string, resource: string) => string): Demands {
  const project = (nameOrArn = "") =>
    nameOrArn.startsWith("arn:") ? nameOrArn : arn("codebuild", `project/${nameOrArn}`);
  /** `PROJECT:uuid`, or the ARN that ends so. */
  const projectOf = (build: string) => project(build.split(":build/").at(-1)?.split(":")[0]);
  const groupOf = (report = "") => report.replace(/:report\/([^:]+):.*$/, ":report-group/$1");
  const ofBuilds =
    (action: string) =>
    ({ ids = [] }: { ids?: readonly string[] | undefined }) =>
      demand(action, ...new Set(ids.map(projectOf)));
  const ofReport =
    (action: string) =>
    ({ reportArn, arn: one }: { reportArn?: string | undefined; arn?: string | undefined }) =>
      demand(action, groupOf(reportArn ?? one));
  const changeProject =
    (action: string) =>
    ({ name, serviceRole }: Partial<codebuild.CreateProjectCommandInput>) => [
      ...demand(action, project(name)),
      ...passRoles([serviceRole], "codebuild.amazonaws.com"),
    ];
  return {
    StartBuild: ({ projectName, serviceRoleOverride }: Partial<codebuild.StartBuildCommandInput>) => [
      ...demand("codebuild:StartBuild", project(projectName)),
      ...passRoles([serviceRoleOverride], "codebuild.amazonaws.com"),
    ],
    BatchGetBuilds: ofBuilds("codebuild:BatchGetBuilds"),
    StopBuild: ({ id = "" }: Partial<codebuild.StopBuildCommandInput>) =>
      demand("codebuild:StopBuild", projectOf(id)),
    ListBuildsForProject: ({ projectName }: Partial<codebuild.ListBuildsForProjectCommandInput>) =>
      demand("codebuild:ListBuildsForProject", project(projectName)),
    BatchGetProjects: ({ names = [] }: Partial<codebuild.BatchGetProjectsCommandInput>) =>
      demand("codebuild:BatchGetProjects", ...names.map(project)),
    CreateProject: changeProject("codebuild:CreateProject"),
    UpdateProject: changeProject("codebuild:UpdateProject"),
    DeleteProject: ({ name }: Partial<codebuild.DeleteProjectCommandInput>) =>
      demand("codebuild:DeleteProject", project(name)),
    BatchGetReports: ({ reportArns = [] }: Partial<codebuild.BatchGetReportsCommandInput>) =>
      demand("codebuild:BatchGetReports", ...new Set(reportArns.map(groupOf))),
    DescribeTestCases: ofReport("codebuild:DescribeTestCases"),
    DescribeCodeCoverages: ofReport("codebuild:DescribeCodeCoverages"),
    DeleteReportGroup: ({ arn: group = "" }: Partial<codebuild.DeleteReportGroupCommandInput>) =>
      demand("codebuild:DeleteReportGroup", group),
    DeleteReport: ofReport("codebuild:DeleteReport"),
  };
}
