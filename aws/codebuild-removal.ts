import {
  CodeBuildClient,
  DeleteReportGroupCommand,
  ListReportGroupsCommand,
} from "@aws-sdk/client-codebuild";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

/** CodeBuild, as report groups are deleted in it: a build makes them, and they outlive its project. */
export function connectReportRemoval({ client }: Connection) {
  const codebuild = clientOf(CodeBuildClient, client);

  async function list(): Promise<string[]> {
    const arns: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await call("list report groups", () =>
        codebuild.send(new ListReportGroupsCommand(nextToken === undefined ? {} : { nextToken })),
      );
      arns.push(...(page.reportGroups ?? []));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return arns;
  }

  return {
    /** Deletes the report groups that builds of these projects made, with all their reports. */
    async remove(projects: readonly string[]): Promise<void> {
      const isOurs = (arn: string) => projects.some((project) => arn.includes(`:report-group/${project}-`));
      for (const arn of (await list()).filter(isOurs))
        await call(`delete the report group ${arn}`, () =>
          // One that is not there is deleted without a word.
          codebuild.send(new DeleteReportGroupCommand({ arn, deleteReports: true })),
        );
    },
  };
}
