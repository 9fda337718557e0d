import * as z from "zod/mini";
import { SpillwayError } from "../core/errors.ts";
import { deploymentKey } from "../core/names.ts";
import { DeploymentName } from "../core/records.ts";
import type { Wait } from "../core/wait.ts";

/** What a stage checks: a release, or a deployment that it verifies. One of the two is given. */
export const ScopeInput = z.object({
  release: z.optional(z.string()),
  deployment: z.optional(DeploymentName),
});

/** What a stage checks, read: `key` begins the keys of its waits, `subject` is kept with them. */
export interface StageScope {
  readonly release: string;
  readonly deployment: DeploymentName | undefined;
  readonly key: string;
  readonly subject: Readonly<Record<string, string>>;
}

/** @throws SpillwayError InvalidInput if neither a release nor a deployment is given. */
export function readScope({ release, deployment }: z.infer<typeof ScopeInput>): StageScope {
  if (deployment !== undefined) {
    const { release: id, environment, attempt } = deployment;
    return {
      release: id,
      deployment,
      key: deploymentKey(deployment),
      subject: { environment, attempt: String(attempt) },
    };
  }
  if (release !== undefined) return { release, deployment, key: release, subject: {} };
  throw new SpillwayError("InvalidInput", "A stage needs a release or a deployment that it checks.");
}

/** The deployment that a wait is part of; undefined if it is part of a release. */
export function deploymentOf({
  release,
  subject,
}: Pick<Wait, "release" | "subject">): DeploymentName | undefined {
  const { environment, attempt } = subject;
  if (environment === undefined || attempt === undefined) return undefined;
  return { release, environment, attempt: Number(attempt) };
}
