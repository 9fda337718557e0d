import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const LONGEST_ANSWER_MILLISECONDS = 10_000;

/** What a load showed. Times are of the requests that were answered as they should, from when each was due. */
export interface LoadTally {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
  readonly slowestMilliseconds: number;
  /** What went wrong → how often. */
  readonly failed: Readonly<Record<string, number>>;
  /** Commit that answered on the health path → how often. */
  readonly commits: Readonly<Record<string, number>>;
}

/** The requests, again and again in this order; one of ten writes, which no proxy may send twice. */
const requests: readonly { path: string; expected: number; body?: string }[] = [
  ...["/", "/health", "/api/links"].map((path) => ({ path, expected: 200 })),
  ...["/health", "/", "/api/links"].map((path) => ({ path, expected: 200 })),
  ...["/health", "/", "/api/links"].map((path) => ({ path, expected: 200 })),
  { path: "/api/links", expected: 201, body: JSON.stringify({ url: "https://example.org/bench" }) },
];

/** Asks a service at a fixed rate from a process of its own, whether or not the requests before were answered. */
export function startLoad(url: string, requestsPerSecond: number): { stop(): Promise<LoadTally> } {
  const script = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, [script, "--load", url, String(requestsPerSecond)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const printed = once(createInterface({ input: child.stdout }), "line");
  const closed = once(child, "close").then(([code]) => {
    throw new Error(`The load ended with exit code ${code} and without a tally.`);
  });
  closed.catch(() => undefined);
  return {
    async stop() {
      child.stdin.end();
      const [line] = await Promise.race([printed, closed]);
      return JSON.parse(line);
    },
  };
}

async function run(base: string, requestsPerSecond: number): Promise<LoadTally> {
  let stopping = false;
  process.stdin.resume().once("end", () => {
    stopping = true;
  });
  const times: number[] = [];
  const failed: Record<string, number> = {};
  const commits: Record<string, number> = {};
  const underWay = new Set<Promise<void>>();
  const ask = async (index: number, dueAt: number) => {
    const failure = await send(base, index, commits);
    if (failure === undefined) times.push(performance.now() - dueAt);
    else failed[failure] = (failed[failure] ?? 0) + 1;
  };
  const beganAt = performance.now();
  let index = 0;
  for (; !stopping; index++) {
    const dueAt = beganAt + (index * 1000) / requestsPerSecond;
    const early = dueAt - performance.now();
    if (early > 0) await sleep(early);
    const asking = ask(index, dueAt).finally(() => underWay.delete(asking));
    underWay.add(asking);
  }
  const seconds = (performance.now() - beganAt) / 1000;
  await Promise.all(underWay);
  times.sort((one, other) => one - other);
  const rank = (share: number) => times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? Number.NaN;
  return {
    requests: index,
    seconds,
    p50Milliseconds: rank(0.5),
    p99Milliseconds: rank(0.99),
    slowestMilliseconds: rank(1),
    failed,
    commits,
  };
}

/** @returns what went wrong; undefined if nothing did. */
async function send(
  base: string,
  index: number,
  commits: Record<string, number>,
): Promise<string | undefined> {
  const { path = "/", expected = 200, body } = requests[index % requests.length] ?? {};
  const method = body === undefined ? "GET" : "POST";
  try {
    const answer = await fetch(new URL(path, base), {
      method,
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(LONGEST_ANSWER_MILLISECONDS),
    });
    const text = await answer.text();
    if (answer.status !== expected) return `${method} ${path}: status ${answer.status}`;
    if (path === "/health") {
      const { commit }: { commit: string } = JSON.parse(text);
      commits[commit] = (commits[commit] ?? 0) + 1;
    }
    return undefined;
  } catch (error) {
    return `${method} ${path}: ${describe(error)}`;
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const { cause } = error;
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : error.name;
}

const [flag, base, rate] = process.argv.slice(2);
if (flag === "--load" && base !== undefined) console.log(JSON.stringify(await run(base, Number(rate))));
