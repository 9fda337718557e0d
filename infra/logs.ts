import { permanent } from "./stage.ts";

/** How long what was printed is kept. */
export const retentionDays = permanent ? 90 : 14;

/** A log group that is not kept for ever. */
export function makeLogGroup(name: string, physicalName: string): aws.cloudwatch.LogGroup {
  return new aws.cloudwatch.LogGroup(name, { name: physicalName, retentionInDays: retentionDays });
}
