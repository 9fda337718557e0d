import * as z from "zod/mini";

/** What releases made in an installation's own account, by names: whoever deploys or removes it made none of it. */
export const Released = z.object({
  /** App Runner services that releases made; never one that was there before them. */
  targets: z.readonly(z.array(z.string())),
  /** The families of the migrations' task definitions. */
  families: z.readonly(z.array(z.string())),
  /** The build projects, whose builds made report groups that CodeBuild keeps. */
  projects: z.readonly(z.array(z.string())),
});
export type Released = z.infer<typeof Released>;

/** How long the function that deletes them may take: App Runner deletes a service in minutes. */
export const clearingTimeoutSeconds = 600;
/** When it gives up waiting, so that it can still say for what. */
export const clearingPatienceSeconds = 540;
/** How often it looks. */
export const clearingLookSeconds = 10;

/** What a person reads who removes an installation while something cannot be deleted yet. */
export function describeUncleared(left: readonly string[]): string {
  return `Not everything that releases made could be deleted within ${clearingPatienceSeconds / 60} minutes: ${left.join("; ")}. What AWS is in the middle of cannot be deleted. Let it end, then run npx sst remove with the same --stage again: it goes on where it stopped.`;
}
