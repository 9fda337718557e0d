import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { benchCost } from "../bench/cost.ts";

/** Computes what a release costs and writes it into the page that tells it. */
const page = join(import.meta.dirname, "deploy.md");
const [begin, end] = ["<!-- cost: begin -->", "<!-- cost: end -->"];

const text = await readFile(page, "utf8");
const [from, to] = [text.indexOf(begin), text.indexOf(end)];
if (from < 0 || to < from) throw new TypeError(`${page} has no place for the cost: ${begin} … ${end}.`);
const cost = await benchCost();
await writeFile(page, `${text.slice(0, from)}${begin}\n\n${cost}\n\n${text.slice(to)}`);
console.log("docs/deploy.md");
