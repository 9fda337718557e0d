// Loaded before all else in a process that is to run with one guard taken out: node --import ./hook.ts
import { registerHooks } from "node:module";
import { mutants } from "./catalogue/all.ts";
import { editsOf } from "./mutant.ts";
import { mutate } from "./mutate.ts";

const name = process.env.SIMULATED_MUTANT;
const mutant = mutants.find((one) => one.name === name);
if (mutant === undefined) throw new Error(`There is no mutant ${name}.`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const edits = editsOf(mutant).filter(({ file }) => url.endsWith(`/${file}`));
    if (edits.length === 0 || loaded.source === undefined || loaded.source === null) return loaded;
    const { source } = loaded;
    const text = typeof source === "string" ? source : new TextDecoder().decode(source);
    return { ...loaded, source: edits.reduce(mutate, text) };
  },
});
