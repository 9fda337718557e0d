// Measures an environment under load and compares with limits; the last line says which was missed and by how much.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { markedAddress } from "../test/end-to-end/marked-address.ts";
import { judge, measure, readLimits, readLoad, type Verdict } from "./limits.ts";
import { generateLoad } from "./load.ts";

const LONGEST_ANSWER_MILLISECONDS = 10_000;
/** Not counted: the first requests pay for connections that people's browsers have open. */
const WARM_UP_SECONDS = 1;
const clock = { now: () => performance.now(), sleep };

/** Asks, and says why the answer is not the one expected. Never rejects. */
async function ask(url: URL, expected: number): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(LONGEST_ANSWER_MILLISECONDS);
    const answer = await fetch(url, { redirect: "manual", signal });
    await answer.arrayBuffer();
    return answer.status === expected ? undefined : `status ${answer.status}`;
  } catch (error) {
    if (!(error instanceof Error)) return "unknown";
    const { cause } = error;
    const code =
      typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : error.name;
    return code === "TimeoutError" ? `no answer in ${LONGEST_ANSWER_MILLISECONDS / 1_000} s` : code;
  }
}

/** The one link, marked, that the load follows and reads: nothing else is written but its hits. */
async function makeLink(base: string): Promise<string> {
  const answer = await fetch(new URL("/api/links", base), {
    method: "POST",
    body: JSON.stringify({ url: markedAddress("performance") }),
    signal: AbortSignal.timeout(LONGEST_ANSWER_MILLISECONDS),
  });
  if (answer.status !== 201) throw new Error(`A link could not be made: status ${answer.status}.`);
  const { code }: { code: string } = JSON.parse(await answer.text());
  return code;
}

function toJunit(verdicts: readonly Verdict[]): string {
  const quote = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  const cases = verdicts.map(({ limit, missed }) => {
    const failure = missed === undefined ? "" : `<failure message="${quote(missed)}"/>`;
    return `<testcase classname="performance" name="${limit}">${failure}</testcase>`;
  });
  const failures = verdicts.filter(({ missed }) => missed !== undefined).length;
  return `<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="performance" tests="${verdicts.length}" failures="${failures}">
${cases.join("\n")}
</testsuite></testsuites>
`;
}

async function main(): Promise<string | undefined> {
  const base = process.env.SPILLWAY_URL;
  if (!base)
    throw new Error("SPILLWAY_URL is not set; it must be the address of the environment to measure.");
  const [load, limits] = [readLoad(process.env), readLimits(process.env)];
  const code = await makeLink(base);
  const requests = ["/", "/api/links", `/${code}`, `/api/links/${code}`].map((path) => new URL(path, base));
  const send = (index: number) => {
    const [url = new URL(base)] = requests.slice(index % requests.length);
    return ask(url, url.pathname === `/${code}` ? 302 : 200);
  };
  await generateLoad(clock, { ...load, seconds: WARM_UP_SECONDS }, send);
  const measurement = measure(await generateLoad(clock, load, send));
  const verdicts = judge(measurement, limits);
  const missed = verdicts.flatMap((verdict) => verdict.missed ?? []);
  const reports = join(import.meta.dirname, "../reports");
  await mkdir(reports, { recursive: true });
  await writeFile(
    join(reports, "performance.json"),
    JSON.stringify({ ...load, ...measurement, limits, missed }),
  );
  await writeFile(join(reports, "performance.xml"), toJunit(verdicts));

  const {
    requests: count,
    p50Milliseconds: p50,
    p99Milliseconds: p99,
    slowestMilliseconds: slowest,
  } = measurement;
  console.log(
    `${count} requests, ${load.requestsPerSecond} a second for ${load.seconds} s, after ${WARM_UP_SECONDS} s of warming up`,
  );
  console.log(`p50 ${p50} ms, p99 ${p99} ms, slowest ${slowest} ms, errors ${measurement.errorPercent} %`);
  for (const [reason, times] of Object.entries(measurement.errors)) console.log(`  ${times} × ${reason}`);
  return missed.length === 0 ? undefined : missed.join("; ");
}

try {
  const missed = await main();
  console.log(missed === undefined ? "Within the limits." : `Missed: ${missed}`);
  if (missed !== undefined) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : "unknown error");
  process.exitCode = 1;
}
