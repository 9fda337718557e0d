import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { type Mistake, mistakes } from "./mistakes.ts";

/**
 * Makes each mistake in a copy of the repository and runs the test that must notice it. Exits with 1 if one is not
 * noticed. Arguments, if any, choose mistakes by a part of their name.
 */
const root = resolve(import.meta.dirname, "../..");
const linked = ["node_modules", ".sst"];
const left = new Set([...linked, ".git", "dist", ".spillway"]);

const chosen = process.argv.slice(2);
const wanted = mistakes.filter(
  ({ name }) => chosen.length === 0 || chosen.some((part) => name.includes(part)),
);
const copy = mkdtempSync(join(tmpdir(), "spillway-mutations-"));
let missed = 0;
try {
  cpSync(root, copy, { recursive: true, filter: (path) => path === root || !left.has(basename(path)) });
  for (const name of linked) symlinkSync(join(root, name), join(copy, name));
  for (const [file, ofFile] of Map.groupBy(wanted, ({ caughtBy }) => caughtBy)) {
    const failed = failedTests(file);
    if (failed.length > 0) throw new Error(`${file} fails without any mistake: ${failed.join("; ")}`);
    for (const mistake of ofFile) if (!isCaught(mistake)) missed++;
  }
  console.log(
    missed === 0
      ? `all ${wanted.length} mistakes are caught`
      : `${missed} of ${wanted.length} mistakes are missed`,
  );
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exitCode = missed === 0 ? 0 : 1;

function isCaught({ name, file, from, to, caughtBy, test }: Mistake): boolean {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  if (!source.includes(from)) throw new Error(`${file} no longer has ${from}: mend the mistake "${name}"`);
  writeFileSync(path, source.replace(from, to));
  const failed = failedTests(caughtBy);
  writeFileSync(path, source);
  const caught = failed.some((title) => title.includes(test));
  console.log(
    `${caught ? "caught" : "MISSED"}  ${name}${caught ? "" : `\n        ${caughtBy} should fail in "${test}"; failed: ${failed.join("; ") || "nothing"}`}`,
  );
  return caught;
}

/** The titles of the tests of a file that fail in the copy; the file's own name if it does not even begin. */
function failedTests(file: string): string[] {
  const report = join(copy, "mutation-report.json");
  rmSync(report, { force: true });
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [vitest, "run", file, "--reporter=json", `--outputFile.json=${report}`],
    { cwd: copy, encoding: "utf8" },
  );
  const { testResults }: { testResults: { assertionResults: { status: string; fullName: string }[] }[] } =
    JSON.parse(readReport(report, `${stdout}${stderr}`));
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  if (
    results.some(({ status }) => status === "pending" || status === "skipped") &&
    results.every(({ status }) => status !== "failed") &&
    status === 0
  )
    throw new Error(`${file} was skipped: npm run infra:install first`);
  const failed = results.filter(({ status }) => status === "failed").map(({ fullName }) => fullName);
  return failed.length === 0 && status !== 0 ? [`${file} could not begin`] : failed;
}

function readReport(path: string, said: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new Error(`vitest wrote no report:\n${said}`);
  }
}
