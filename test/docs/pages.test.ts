import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const markdown = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(folder, file));
const pages = [...markdown("."), ...markdown("docs"), ...markdown("docs/decisions")];

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(file: string): string[] {
  return [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** What is wrong with a link of a page; undefined: it leads somewhere. */
function judgeLink(page: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (anchor === undefined) {
    const there = readdirSync(join(root, dirname(target))).includes(target.split("/").at(-1) ?? "");
    return there ? undefined : `${link}: there is no ${target}`;
  }
  return anchorsOf(target).includes(anchor) ? undefined : `${link}: ${target} has no such heading`;
}

/** The words in which AWS itself speaks of what is not in our sources. */
const wordsOfAws = ["AdministratorAccess", "AccessDenied"];
const sources = ["aws", "cli", "core", "functions", "infra", "local", "state-machines"]
  .flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: "utf8" }).map((file) => join(room, file)),
  )
  .filter((file) => /\.(ts|json)$/.test(file))
  .map(read)
  .join("\n");
const known = new Set(sources.match(/\w+/g));

describe.each(pages)("%s", (page) => {
  it("holds no remains of a merge", () => {
    expect(read(page)).not.toMatch(/^(<<<<<<<|=======|>>>>>>>)( |$)/m);
  });

  it("has links that lead to a file, and to a heading of it", () => {
    const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const relative = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(relative.flatMap((link) => judgeLink(page, link) ?? [])).toEqual([]);
  });

  it("names errors, states and outcomes that there are", () => {
    const named = [...read(page).matchAll(/`((?:[A-Z][a-z]+){2,})[`:]/g)].map(([, name = ""]) => name);
    const strange = named.filter((name) => !known.has(name) && !wordsOfAws.includes(name));
    expect(strange).toEqual([]);
  });

  it("names npm scripts that there are", () => {
    const { scripts } = JSON.parse(read("package.json"));
    const run = [...read(page).matchAll(/npm run ([\w:-]+)/g)].map(([, script = ""]) => script);
    expect(run.filter((script) => !(script in scripts))).toEqual([]);
  });
});
