import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";

/**
 * Ends process groups when this process is gone, however it went: a small process of its own, which reads the list
 * of groups from a pipe and acts when that pipe closes.
 */
export interface Guardian {
  /** Its process, which ends last of all; undefined if it could not be started. */
  readonly id: number | undefined;
  /** Tells which groups run now. */
  watch(groups: Iterable<number>): void;
}

/** What the guardian's command line contains, to know it by. */
export const guardianName = "spillway-guardian";

/**
 * Each line replaces the list, and a line cut short is none, so there is always one that is whole. A terminal's
 * signals are not for it: it ends when there is nothing left to guard.
 */
const PROGRAM = `trap '' HUP INT QUIT TERM
groups=
while read -r line; do groups=$line; done
signal() { for group in $groups; do kill -s "$1" -- "-$group" && left=yes; done 2>/dev/null; }
signal TERM
tries=30
while left=; signal 0; [ "$left" ] && [ "$tries" -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
signal KILL
`;

/** A guardian that starts when it is first needed. */
export function createGuardian(): Guardian {
  let child: ChildProcess | undefined;
  let groups: readonly number[] = [];

  const start = (): ChildProcess => {
    const started = spawn("/bin/sh", ["-c", PROGRAM, guardianName], {
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    // It must not keep this process alive, which it waits for.
    started.unref();
    if (started.stdin instanceof Socket) started.stdin.unref();
    started.stdin?.on("error", () => {});
    started.on("error", () => {});
    started.once("exit", (_code, signal) => {
      child = undefined;
      // Somebody killed it; those it guarded still need one.
      if (signal !== null && groups.length > 0) tell();
    });
    return started;
  };

  const tell = () => {
    child ??= start();
    child.stdin?.write(`${groups.join(" ")}\n`);
  };

  return {
    get id() {
      child ??= start();
      return child.pid;
    },
    watch(now) {
      groups = [...now];
      tell();
    },
  };
}
