import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { cloneExample, ExampleError } from "../../cli/example.ts";
import { inRepository, runGit } from "../../cli/git.ts";
import { createRealClock } from "../../local/asl/real-clock.ts";

const clock = createRealClock();
let repository: string;

beforeEach(async () => {
  repository = await mkdtemp(join(tmpdir(), "spillway-example-"));
  await runGit(clock, "init", "--quiet", repository);
  await writeFile(join(repository, "committed"), "first");
  await commit();
});
afterEach(() => rm(repository, { recursive: true, force: true }));

async function commit(): Promise<string> {
  const git = (...words: string[]) => runGit(clock, ...inRepository(repository), ...words);
  await git("add", "--", "committed");
  await git(
    "-c",
    "user.name=Test",
    "-c",
    "user.email=test@example.com",
    "commit",
    "--quiet",
    "-m",
    "A change",
  );
  return git("rev-parse", "HEAD");
}

it("brings a clone of an earlier start to the commit that is current now", async () => {
  const folder = join(repository, ".spillway", "source");
  await cloneExample(clock, repository, folder);
  await writeFile(join(repository, "committed"), "second");
  const id = await commit();
  const { head } = await cloneExample(clock, repository, folder);
  expect(head).toMatchObject({ id });
  expect(await readFile(join(folder, "committed"), "utf8")).toBe("second");
});

it("touches nothing of the user's work where a kill left no more than an empty folder of the clone", async () => {
  const folder = join(repository, ".spillway", "source");
  await mkdir(folder, { recursive: true });
  await writeFile(join(repository, "committed"), "at work");
  await writeFile(join(repository, "new"), "at work");
  await cloneExample(clock, repository, folder);
  expect(await readFile(join(folder, "committed"), "utf8")).toBe("first");
  for (const name of ["committed", "new"])
    expect(await readFile(join(repository, name), "utf8")).toBe("at work");
});

it("says what is wrong with a folder that is no repository", async () => {
  const folder = join(repository, "plain");
  await mkdir(folder);
  await expect(cloneExample(clock, folder, join(repository, "clone"))).rejects.toThrow(ExampleError);
});
