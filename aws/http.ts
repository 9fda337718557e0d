import type { Observation } from "../core/health.ts";
import type { Connection } from "./connection.ts";

/** Looks once at a health path: any 2xx is good. Redirects are not followed; the body is thrown away. */
export async function probe(
  { fetch, now }: Connection,
  url: URL,
  timeoutSeconds: number,
): Promise<Observation> {
  const at = now();
  try {
    const answer = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    });
    await answer.body?.cancel();
    const seen = { at, answered: true, status: answer.status, latencyMilliseconds: now() - at };
    return answer.ok ? seen : { ...seen, complaint: `${url.pathname} answered HTTP ${answer.status}` };
  } catch (error) {
    const reason =
      error instanceof Error && error.name === "TimeoutError"
        ? `no answer within ${timeoutSeconds} s`
        : "no connection";
    return { at, answered: false, latencyMilliseconds: now() - at, complaint: `${url.pathname}: ${reason}` };
  }
}
