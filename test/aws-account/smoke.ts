import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect } from "../../aws/connection.ts";
import settings from "../../spillway.config.ts";
import { type Account, accountSettings, Refusal, requireAccount } from "./account.ts";
import { awaitRelease, type Outside, rollBack, SmokeFailed, stopExecutions } from "./looking.ts";
import { planSmoke, type Smoke, type Step, smokePrefix, smokeRepository, twoCommits } from "./smoke-plan.ts";

/**
 * Releases the example in an SST stage that is made for it, rolls it back, and removes the stage whatever happened.
 * Exits with 0 if all went well, 1 if not, 2 if it refuses to begin.
 */
const root = resolve(import.meta.dirname, "../..");
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupt(signal));

try {
  const account = await requireAccount(
    accountSettings(process.env, {
      variable: "SPILLWAY_SMOKE_ACCOUNT",
      does: "This makes things there, and costs money.",
    }),
  );
  process.exitCode = await smoke(await prepare(account));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 2;
}

function interrupt(signal: string): void {
  console.error(
    interruption.signal.aborted
      ? "It is being removed; this takes some minutes, and whatever is left costs money."
      : `${signal}: no further step; what was made in the account, if anything, is removed.`,
  );
  interruption.abort();
}

/** Everything that can be known to be missing before something is made. */
async function prepare({ id, region }: Account): Promise<Smoke> {
  for (const tool of ["git", "docker", "aws"])
    if (spawnSync(tool, ["--version"]).status !== 0)
      throw new Refusal("ToolMissing", `${tool} is needed, and \`${tool} --version\` does not work here.`);
  const log = git("log", "--first-parent", "--max-count=100", "--format=%H %ct").split("\n");
  const commits = twoCommits(log.map((line) => ({ commit: line.slice(0, 40), at: Number(line.slice(41)) })));
  if (commits === undefined)
    throw new Refusal("NotPushed", "Two commits are released; the repository has not two.");
  if (git("branch", "--remotes", "--contains", commits.later) === "")
    throw new Refusal(
      "NotPushed",
      `Builds fetch ${commits.later} from your repository, and no remote branch has it. Push it first.`,
    );
  const { appRunner } = settings.aws ?? {};
  return {
    place: { account: id, region, source: sourceUrl(), ...(appRunner === undefined ? {} : { appRunner }) },
    stage: `smoke-${randomBytes(2).toString("hex")}`,
    folder: await mkdtemp(join(tmpdir(), "spillway-smoke-")),
    root,
    commits,
  };
}

function sourceUrl(): string {
  const url = process.env.SPILLWAY_SMOKE_SOURCE || git("remote", "get-url", "origin");
  if (/^https:\/\/[^@]+$/.test(url)) return url;
  throw new Refusal(
    "NotPushed",
    "CodeBuild fetches the source by an https URL without a password in it. Set SPILLWAY_SMOKE_SOURCE to that of your repository.",
  );
}

function git(...words: string[]): string {
  const { status, stdout } = spawnSync("git", words, { cwd: root, encoding: "utf8" });
  if (status === 0) return stdout.trim();
  throw new Refusal(
    "NotPushed",
    `\`git ${words.join(" ")}\` does not work here: this is no clone of a repository.`,
  );
}

async function smoke(made: Smoke): Promise<number> {
  const { preparation, steps, removal, remains } = planSmoke(made);
  if (!(await takeAll(preparation, made))) {
    console.error(`Nothing was made in the account. What was prepared is in ${made.folder}.`);
    return 1;
  }
  let good = await takeAll(steps, made);
  for (const step of removal) good = (await tried(step, made)) && good;
  console.log(`\nWhat is left of ${smokePrefix(made)}:`);
  for (const step of remains) await tried(step, made);
  console.log(
    `\nIf anything is listed: cd ${made.folder}/installation && npx sst remove --stage ${made.stage}, then delete it by hand.`,
  );
  if (good) await rm(made.folder, { recursive: true, force: true });
  console.log(good ? "The smoke test passed." : "The smoke test FAILED; the first error above says why.");
  return good ? 0 : 1;
}

/** One after the other. @returns whether all went well: false after the first that fails, or an interruption. */
async function takeAll(steps: readonly Step[], made: Smoke): Promise<boolean> {
  try {
    for (const step of steps) {
      interruption.signal.throwIfAborted();
      await take(step, made, interruption.signal);
    }
    return true;
  } catch (error) {
    say(error);
    return false;
  }
}

/** What removal does goes on when a part of it fails, and is not interrupted. */
async function tried(step: Step, made: Smoke): Promise<boolean> {
  try {
    await take(step, made);
    return true;
  } catch (error) {
    say(error);
    return "mayFail" in step;
  }
}

function say(error: unknown): void {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

async function take(step: Step, made: Smoke, signal?: AbortSignal): Promise<void> {
  console.log(`\n— ${step.does}`);
  if ("command" in step) return run(step, signal);
  if ("write" in step) return writeFile(step.write, step.text);
  const { account, region } = made.place;
  const outside: Outside = {
    connection: { ...connect(), client: { maxAttempts: 5, region } },
    prefix: smokePrefix(made),
    environment: "development",
    sleep: (milliseconds) => wait(milliseconds, undefined, { ...(signal && { signal }) }),
    machineArn: (name) => `arn:aws:states:${region}:${account}:stateMachine:${smokePrefix(made)}-${name}`,
  };
  if ("awaitRelease" in step)
    console.log(await awaitRelease(outside, smokeRepository(made), step.awaitRelease.slice(0, 12)));
  else if ("rollBackTo" in step) await rollBack(outside, `rollback-${made.stage}`, step.rollBackTo);
  else await stopExecutions(outside);
}

/** In a process group of its own: Ctrl-C in the terminal reaches it only as we hand it on. */
function run(
  { command, folder, environment, does }: Extract<Step, { command: unknown }>,
  signal?: AbortSignal,
): Promise<void> {
  const [file = "", ...words] = command;
  console.log(command.join(" "));
  const env = { ...process.env, ...environment };
  const child = spawn(file, words, {
    cwd: folder,
    env,
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  const stop = () => child.pid !== undefined && process.kill(-child.pid, "SIGINT");
  signal?.addEventListener("abort", stop);
  return new Promise<void>((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) =>
      code === 0
        ? done()
        : failed(new SmokeFailed(`Could not ${does}: ${command.join(" ")} ended with ${code}.`)),
    );
  }).finally(() => signal?.removeEventListener("abort", stop));
}
