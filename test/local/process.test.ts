import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRealClock } from "../../local/asl/real-clock.ts";
import {
  type GroupProcess,
  type ProcessOptions,
  ProcessStartError,
  startProcess,
} from "../../local/process.ts";

const clock = createRealClock();
let folder = "";
const started: GroupProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "process-"));
});
afterEach(async () => {
  for (const one of started.splice(0)) one.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** Runs a script with this Node and collects what it prints; `line(wanted)` resolves when it was printed. */
function start(script: string, more: Partial<ProcessOptions> = {}) {
  const lines: string[] = [];
  const waiting: { wanted: RegExp; resolve: (line: string) => void }[] = [];
  const process_ = startProcess(clock, {
    command: process.execPath,
    arguments: ["-e", script],
    folder,
    environment: {},
    onLine(line, stream) {
      lines.push(`${stream}: ${line}`);
      for (const { wanted, resolve } of waiting) if (wanted.test(line)) resolve(line);
    },
    ...more,
  });
  started.push(process_);
  const line = (wanted: RegExp) => new Promise<string>((resolve) => waiting.push({ wanted, resolve }));
  return { process: process_, lines, line };
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** A killed process that nobody has waited for yet still has its number; it is gone once its parent has looked. */
const isGone = async (pid: number) => {
  if (!isAlive(pid)) return true;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z");
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
};

describe("a process group", () => {
  it("has exactly the environment it was given, and no input", async () => {
    const { process, lines } = start(
      "console.log(JSON.stringify(process.env)); process.stdin.on('end', () => console.log('no input')).resume()",
      { environment: { ONLY: "this", EMPTY: "" } },
    );
    expect(await process.exited).toEqual({ code: 0, signal: null });
    expect(lines).toEqual(['stdout: {"ONLY":"this","EMPTY":""}', "stdout: no input"]);
  });

  it("tells its exit code, and every line before that", async () => {
    const { process, lines } = start(
      "console.log('a\\r\\nb'); console.error('c'); process.stdout.write('d'); process.exitCode = 7",
    );
    expect(await process.exited).toEqual({ code: 7, signal: null });
    expect(lines.toSorted()).toEqual(["stderr: c", "stdout: a", "stdout: b", "stdout: d"]);
  });

  it("tells the signal that ended it", async () => {
    const { process } = start("process.kill(process.pid, 'SIGKILL')");
    expect(await process.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("keeps characters whole and cuts very long lines", async () => {
    const { process, lines } = start("process.stdout.write('€'.repeat(20000) + '\\nnext\\n')");
    await process.exited;
    expect(lines.at(-1)).toBe("stdout: next");
    expect(lines.map((line) => line.length - "stdout: ".length)).toEqual([8192, 8192, 3616, 4]);
    expect(lines.join("").replaceAll("stdout: ", "")).toBe(`${"€".repeat(20000)}next`);
  });

  it("rejects with a named error when the command does not exist", async () => {
    const { process } = start("", { command: "no-such-command" });
    await expect(process.exited).rejects.toBeInstanceOf(ProcessStartError);
    await expect(process.exited).rejects.toThrow(/Cannot start no-such-command .* ENOENT/);
    expect(process.pid).toBe(-1);
    process.kill("SIGKILL");
    await process.stop(1);
  });

  it("says so when the folder is missing", async () => {
    const { process } = start("", { folder: join(folder, "missing") });
    await expect(process.exited).rejects.toThrow(/missing.*folder exists/);
  });

  /** Starts a grandchild that ignores SIGTERM; `ready` runs once it says that it does. */
  const parent = (ready: string, detached = false) => `
    const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('grandchild ' + process.pid); process.send('up')";
    const child = require("node:child_process").spawn(process.execPath, ["-e", script], { stdio: ["ignore", "inherit", "inherit", "ipc"], detached: ${detached} });
    child.once("message", () => { ${ready} });
  `;

  it("is stopped with its grandchildren, also those that ignore SIGTERM", async () => {
    const { process, line } = start(`process.on("SIGTERM", () => {}); ${parent("")}`);
    const grandchild = Number((await line(/grandchild/)).split(" ")[1]);
    await process.stop(50);
    expect(await process.exited).toEqual({ code: null, signal: "SIGKILL" });
    expect(isAlive(process.pid)).toBe(false);
    await expect.poll(() => isGone(grandchild)).toBe(true);
  });

  it("takes its grandchildren with it when it ends by itself", async () => {
    const { process, line } = start(parent("process.exit(3)"));
    const grandchild = Number((await line(/grandchild/)).split(" ")[1]);
    expect(await process.exited).toEqual({ code: 3, signal: null });
    await expect.poll(() => isGone(grandchild)).toBe(true);
  });

  it("does not wait for the grace when SIGTERM is enough", async () => {
    const { process, line } = start(
      "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000); console.log('up')",
    );
    await line(/up/);
    await process.stop(3_600_000);
    expect(await process.exited).toEqual({ code: 0, signal: null });
  });

  it("does not hang on output held open by a process that left the group", async () => {
    const { process, line } = start(parent("process.exit(0)", true));
    const escaped = Number((await line(/grandchild/)).split(" ")[1]);
    expect(await process.exited).toEqual({ code: 0, signal: null });
    globalThis.process.kill(escaped, "SIGKILL");
  });

  it("talks over its control channel both ways", async () => {
    const told: string[] = [];
    const { process } = start("", {
      command: "/bin/sh",
      arguments: ["-c", "read -r word <&3; printf 'heard %s\\n' \"$word\" >&3"],
      onControlLine: (line) => told.push(line),
    });
    process.send("hello");
    expect(await process.exited).toEqual({ code: 0, signal: null });
    expect(told).toEqual(["heard hello"]);
  });
});
