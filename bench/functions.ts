import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseConfig } from "../core/config.ts";
import { describeApplication } from "../infra/application.ts";
import { buildFunctions } from "../infra/build.ts";
import config from "../spillway.config.ts";
import { median, table } from "./figures.ts";

const ROUNDS = 15;
/** What is aimed at for each function. */
const AIM_KILOBYTES = 400;
const AIM_INIT_MILLISECONDS = 150;

/**
 * How long a fresh process takes until a handler is imported. The least is the module's own; the median has in it
 * what else the machine did.
 */
export interface ColdInit {
  readonly leastMilliseconds: number;
  readonly medianMilliseconds: number;
}

/** One bundle's size and its cold init. */
export interface FunctionCost {
  readonly name: string;
  readonly kilobytes: number;
  readonly init: ColdInit;
}

export interface FunctionCosts {
  /** The same with a module that holds nothing but a handler: what Node itself costs. */
  readonly bare: ColdInit;
  readonly functions: readonly FunctionCost[];
}

/** Milliseconds from spawn until the module's `handler` is imported in the child. */
async function importOnce(bundle: string): Promise<number> {
  const program = `import(${JSON.stringify(pathToFileURL(bundle).href)}).then((m) => {
    if (typeof m.handler !== "function") throw new Error("The bundle exports no handler.");
    process.stdout.write("imported", () => process.exit(0));
  })`;
  const started = performance.now();
  // The least that a function finds in its environment in AWS.
  const env = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench" };
  const child = spawn(process.execPath, ["-e", program], { env, stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const imported = once(child.stdout, "data").then(() => performance.now());
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${basename(bundle)} could not be imported: ${errors}`);
  return (await imported) - started;
}

function coldInit(times: readonly number[]): ColdInit {
  return { leastMilliseconds: Math.min(...times), medianMilliseconds: median(times) };
}

/** Builds every function and measures each, taking turns with the bare module so that both see the same machine. */
export async function benchFunctions(): Promise<FunctionCosts> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-bench-"));
  try {
    const { functions } = describeApplication(parseConfig(config), "spillway");
    const files = functions.map(({ file }) => file);
    const bundles = await buildFunctions(join(import.meta.dirname, ".."), files, folder);
    const bare = join(folder, "bare.mjs");
    await writeFile(bare, "export const handler = () => {};\n");
    const bareTimes: number[] = [];
    const times = new Map<string, number[]>(files.map((file) => [file, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      bareTimes.push(await importOnce(bare));
      for (const [file, bundle] of bundles) times.get(file)?.push(await importOnce(bundle));
    }
    const costs: FunctionCost[] = [];
    for (const [file, bundle] of bundles)
      costs.push({
        name: basename(file, ".ts"),
        kilobytes: (await stat(bundle)).size / 1024,
        init: coldInit(times.get(file) ?? []),
      });
    return { bare: coldInit(bareTimes), functions: costs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The table, and below it what misses its aim. */
export function renderFunctionBench({ bare, functions }: FunctionCosts): string {
  const times = ({ leastMilliseconds, medianMilliseconds }: ColdInit) => [
    `${leastMilliseconds.toFixed(0)} ms`,
    `${medianMilliseconds.toFixed(0)} ms`,
    (medianMilliseconds / bare.medianMilliseconds).toFixed(2),
  ];
  const rows = functions.map(({ name, kilobytes, init }) => [
    name,
    `${kilobytes.toFixed(0)} KB`,
    ...times(init),
  ]);
  const missed = (aim: string, names: readonly FunctionCost[]) =>
    `${aim}: ${names.length === 0 ? "met by all" : `MISSED by ${names.length} of ${functions.length}: ${names.map(({ name }) => name).join(", ")}`}`;
  return [
    `Functions: bundle, and cold init from spawn to handler imported (${ROUNDS} rounds):`,
    table(
      ["function", "bundle", "least", "median", "ratio of medians to bare node"],
      [["(bare node)", "", ...times(bare)], ...rows],
    ),
    missed(
      `bundle ≤ ${AIM_KILOBYTES} KB`,
      functions.filter(({ kilobytes }) => kilobytes > AIM_KILOBYTES),
    ),
    missed(
      `cold init, median ≤ ${AIM_INIT_MILLISECONDS} ms`,
      functions.filter(({ init }) => init.medianMilliseconds > AIM_INIT_MILLISECONDS),
    ),
  ].join("\n");
}
