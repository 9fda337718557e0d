import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Setting } from "./plan.ts";

const repository = resolve(import.meta.dirname, "../..");
const made = new Map<string, string>();
process.once("exit", () => {
  for (const folder of made.values()) rmSync(folder, { recursive: true, force: true });
});

/**
 * The folder with the state machines of a world. In some nobody waits as long as the machines do, and nothing may take
 * as long, who have days: there only these times differ.
 * @param root where the machines are from, the repository unless said.
 */
export function rootFor({ patience, timeLimits }: Setting, root = repository): string {
  if (patience === undefined && timeLimits === undefined) return root;
  const key = JSON.stringify([root, patience, timeLimits]);
  const before = made.get(key);
  if (before !== undefined) return before;
  const folder = mkdtempSync(join(tmpdir(), "spillway-patience-"));
  made.set(key, folder);
  cpSync(join(root, "state-machines"), join(folder, "state-machines"), { recursive: true });
  const { approvalSeconds, turnSeconds } = patience ?? {};
  changeMachine(join(folder, "state-machines/deploy.asl.json"), {
    RequestApproval: approvalSeconds,
    AwaitTurn: turnSeconds,
    "": timeLimits?.deploySeconds,
  });
  changeMachine(join(folder, "state-machines/release.asl.json"), { "": timeLimits?.releaseSeconds });
  return folder;
}

/** @param seconds that each of its states may take, and by the empty name the machine; as it is unless said. */
function changeMachine(file: string, seconds: Readonly<Record<string, number | undefined>>): void {
  const machine: unknown = JSON.parse(readFileSync(file, "utf8"), (name, value) => {
    const limit = seconds[name];
    return limit === undefined ? value : { ...value, TimeoutSeconds: limit };
  });
  writeFileSync(file, JSON.stringify(machine));
}
