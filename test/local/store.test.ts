import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore, StateFormatError } from "../../local/store.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spillway-store-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const storeModule = pathToFileURL(join(import.meta.dirname, "../../local/store.ts")).href;

/** Runs a program in a process of its own, in which `kept` keeps things in the folder. */
function runProgram(program: string) {
  const script = `
    import { openStore } from ${JSON.stringify(storeModule)};
    const kept = openStore(${JSON.stringify(folder)}).kept("things");
    ${program}`;
  return spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
}

describe("the store", () => {
  it("has what was put, in the order of the keys, with dates, bytes, maps and sets", () => {
    const value = {
      date: new Date(5),
      bytes: new Uint8Array([1, 2]),
      map: new Map([["a", new Set([1])]]),
      nothing: undefined,
    };
    const first = openStore(folder);
    const kept = first.kept<unknown>("things");
    for (const key of ["b", "a", "c", "d"]) kept.put(key, key);
    kept.put("b", value);
    kept.delete("c");
    first.kept<unknown>("others").put("x", 1);
    first.close();
    const second = openStore(folder);
    expect(second.kept("things").entries()).toEqual([
      ["b", value],
      ["a", "a"],
      ["d", "d"],
    ]);
    second.kept("things").clear();
    expect(second.kept("things").entries()).toEqual([]);
    expect(second.kept("others").entries()).toEqual([["x", 1]]);
    second.close();
  });

  it("has after a kill what was put before anybody could be answered, all of one go or nothing of it", () => {
    const killed = runProgram(`
      for (let n = 0; n < 100; n++) kept.put("first " + n, n);
      await undefined;
      kept.put("second", 1);
      process.kill(process.pid, "SIGKILL");
      for (;;);`);
    expect(killed.signal, killed.stderr).toBe("SIGKILL");
    const store = openStore(folder);
    const keys = store
      .kept("things")
      .entries()
      .map(([key]) => key);
    expect(keys).toEqual(Array.from({ length: 100 }, (_, n) => `first ${n}`));
    store.close();
  });

  it("keeps nothing more once it is closed", () => {
    const store = openStore(folder);
    store.kept("things").put("before", 1);
    store.close();
    store.kept("things").put("after", 2);
    store.close();
    const again = openStore(folder);
    expect(again.kept("things").entries()).toEqual([["before", 1]]);
    again.close();
  });

  it("is for the user who runs it only", () => {
    const inner = join(folder, "state");
    openStore(inner).close();
    expect(statSync(inner).mode & 0o077).toBe(0);
  });

  it("refuses what another version or another program wrote, naming what helps", () => {
    openStore(folder).close();
    const database = new DatabaseSync(join(folder, "kept.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    expect(() => openStore(folder)).toThrow(StateFormatError);
    expect(() => openStore(folder)).toThrow(/format 99.*--fresh/);
    writeFileSync(join(folder, "kept.db"), "no database at all, but some other file ".repeat(100));
    expect(() => openStore(folder)).toThrow(/cannot be read.*--fresh/);
  });
});
