import { ask } from "../aws/http.ts";
import type { HealthConfig } from "../core/config.ts";
import { judgeAnswer, needsBody, type Observation } from "../core/health.ts";
import type { Place } from "./middleware.ts";

/**
 * Looks once at a service by its environment's rules.
 * @param url where it answers.
 * @param commit the commit that should answer; undefined if unknown.
 */
export async function lookAtService(
  { connection }: Place,
  rules: HealthConfig,
  url: string,
  commit: string | undefined,
): Promise<Observation> {
  const { timeoutSeconds } = rules;
  const answer = await ask(connection, new URL(rules.path, url), {
    timeoutSeconds,
    readBody: needsBody(rules),
  });
  return judgeAnswer(rules, answer, commit);
}
