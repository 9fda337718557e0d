import type { Answer } from "../core/health.ts";
import type { Connection } from "./connection.ts";

const largestBodyBytes = 65_536;

/**
 * Asks once, and judges nothing. Redirects are not followed.
 * @param readBody whether the first 64 KB of the body are wanted; else it is thrown away unread.
 */
export async function ask(
  { fetch, now }: Connection,
  url: URL,
  { timeoutSeconds, readBody }: { timeoutSeconds: number; readBody: boolean },
): Promise<Answer> {
  const at = now();
  try {
    const answer = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    });
    const { status } = answer;
    const latencyMilliseconds = now() - at;
    const body = readBody ? await readBeginning(answer) : "";
    await answer.body?.cancel();
    return { answered: true, at, latencyMilliseconds, status, body };
  } catch (error) {
    const complaint =
      error instanceof Error && error.name === "TimeoutError"
        ? `no answer within ${timeoutSeconds} s`
        : "no connection";
    return { answered: false, at, latencyMilliseconds: now() - at, complaint };
  }
}

async function readBeginning(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value.subarray(0, largestBodyBytes - bytes), { stream: true });
    bytes += part.value.byteLength;
    if (bytes < largestBodyBytes) continue;
    await reader.cancel();
    break;
  }
  reader.releaseLock();
  return text + decoder.decode();
}
