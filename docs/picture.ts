import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { instance } from "@viz-js/viz";

/** The part of a state machine that a picture shows. */
interface Flow {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}
interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Catch?: readonly { readonly Next: string }[];
  readonly Branches?: readonly Flow[];
  readonly ItemProcessor?: Flow;
}

const colours: Readonly<Record<string, string>> = {
  Task: "#dbeafe",
  Choice: "#fef9c3",
  Succeed: "#dcfce7",
  Fail: "#fee2e2",
  Wait: "#f3e8ff",
  Pass: "#f3f4f6",
};

/** Draws a state machine in the language of Graphviz: containers are frames, Catches are dashed. */
export function drawMachine(machine: Flow): string {
  const lines = [
    "digraph {",
    "compound=true; rankdir=TB; nodesep=0.25; ranksep=0.3; bgcolor=white",
    'node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=11 color="#64748b"]',
    'edge [color="#475569" arrowsize=0.6]',
    'graph [fontname="Helvetica" fontsize=11 color="#94a3b8" style=rounded]',
  ];
  const edges: string[] = [];
  drawFlow(machine, lines, edges);
  return [...lines, ...new Set(edges), "}"].join("\n");
}

function drawFlow(flow: Flow, lines: string[], edges: string[]): void {
  for (const [name, state] of Object.entries(flow.States)) {
    const inner = state.Branches ?? (state.ItemProcessor === undefined ? [] : [state.ItemProcessor]);
    if (inner.length === 0) lines.push(`"${name}" [fillcolor="${colours[state.Type] ?? "white"}"]`);
    else {
      lines.push(`subgraph "cluster_${name}" {`, `label="${name}${state.Type === "Map" ? " (each)" : ""}"`);
      for (const part of inner) drawFlow(part, lines, edges);
      lines.push("}");
    }
    const out = (next: string, dashed = false) => edges.push(edge(flow, name, state, next, dashed));
    for (const next of [state.Next, state.Default, ...(state.Choices ?? []).map(({ Next }) => Next)])
      if (next !== undefined) out(next);
    for (const { Next } of state.Catch ?? []) out(Next, true);
  }
}

/** An edge to or from a container begins or ends at its frame. */
function edge(flow: Flow, name: string, state: State, next: string, dashed: boolean): string {
  const target = flow.States[next];
  const attributes = [
    ...(isContainer(state) ? [`ltail="cluster_${name}"`] : []),
    ...(target !== undefined && isContainer(target) ? [`lhead="cluster_${next}"`] : []),
    ...(dashed ? ['style=dashed color="#dc2626"'] : []),
  ];
  return `"${anchor(name, state)}" -> "${target === undefined ? next : anchor(next, target)}" [${attributes.join(" ")}]`;
}

function isContainer(state: State): boolean {
  return state.Branches !== undefined || state.ItemProcessor !== undefined;
}

function anchor(name: string, state: State): string {
  const [first] = state.Branches ?? (state.ItemProcessor === undefined ? [] : [state.ItemProcessor]);
  if (first === undefined) return name;
  const start = first.States[first.StartAt];
  return start === undefined ? name : anchor(first.StartAt, start);
}

/** Every picture of the docs as it should be: its file → its text. */
export async function drawPictures(): Promise<ReadonlyMap<string, string>> {
  const viz = await instance();
  const drawn = new Map<string, string>();
  const draw = (name: string, graph: string) =>
    drawn.set(join(import.meta.dirname, `${name}.svg`), viz.renderString(graph, { format: "svg" }));
  for (const name of ["release", "deploy"]) {
    const file = join(import.meta.dirname, `../state-machines/${name}.asl.json`);
    draw(name, drawMachine(JSON.parse(await readFile(file, "utf8"))));
  }
  const pictures = join(import.meta.dirname, "pictures");
  for (const file of (await readdir(pictures)).toSorted())
    draw(basename(file, ".dot"), await readFile(join(pictures, file), "utf8"));
  return drawn;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  for (const [file, svg] of await drawPictures()) {
    await writeFile(file, svg);
    console.log(relative("", file));
  }
