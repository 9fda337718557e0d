import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Setting } from "./plan.ts";

const repository = resolve(import.meta.dirname, "../..");
const made = new Map<string, string>();

/**
 * The folder with the state machines of a world. In some nobody waits as long as the machines do, who have days: there
 * only the two times differ.
 * @param root where the machines are from, the repository unless said.
 */
export function rootFor({ patience }: Setting, root = repository): string {
  if (patience === undefined) return root;
  const { approvalSeconds, turnSeconds } = patience;
  const key = `${root} ${approvalSeconds} ${turnSeconds}`;
  const before = made.get(key);
  if (before !== undefined) return before;
  const folder = mkdtempSync(join(tmpdir(), "spillway-patience-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, "state-machines"), join(folder, "state-machines"), { recursive: true });
  const file = join(folder, "state-machines/deploy.asl.json");
  const machine: unknown = JSON.parse(readFileSync(file, "utf8"), (name, value) => {
    if (name === "RequestApproval") return { ...value, TimeoutSeconds: approvalSeconds };
    return name === "AwaitTurn" ? { ...value, TimeoutSeconds: turnSeconds } : value;
  });
  writeFileSync(file, JSON.stringify(machine));
  made.set(key, folder);
  return folder;
}
