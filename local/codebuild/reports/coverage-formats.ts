import { arrayOf, recordOf } from "./json.ts";
import { childNamed, elementsNamed, ReportFormatError, type XmlElement } from "./xml.ts";

/** How much of one file was run. */
export interface FileCoverage {
  readonly path: string;
  readonly linesCovered: number;
  readonly linesMissed: number;
  readonly branchesCovered: number;
  readonly branchesMissed: number;
}

type ReadXml = (root: XmlElement) => Iterable<FileCoverage>;

/** How CodeBuild's XML formats of coverage are read. */
export const xmlCoverageFormats: Readonly<Record<string, ReadXml>> = {
  CLOVERXML: readClover,
  COBERTURAXML: readCobertura,
  JACOCOXML: readJacoco,
};

/** How many of all are covered, in percent; 0 of nothing. */
export function percentage(covered: number, missed: number): number {
  const all = covered + missed;
  return all === 0 ? 0 : Math.round((covered / all) * 10_000) / 100;
}

function* readClover(root: XmlElement): Generator<FileCoverage> {
  expectRoot(root, "coverage");
  for (const file of elementsNamed(root, "file")) {
    const metrics = childNamed(file, "metrics")?.attributes ?? {};
    const linesCovered = count(metrics.coveredstatements);
    const branchesCovered = count(metrics.coveredconditionals);
    yield {
      path: file.attributes.path ?? file.attributes.name ?? "",
      linesCovered,
      linesMissed: Math.max(0, count(metrics.statements) - linesCovered),
      branchesCovered,
      branchesMissed: Math.max(0, count(metrics.conditionals) - branchesCovered),
    };
  }
}

interface LineCoverage {
  hit: boolean;
  branches: number;
  branchesCovered: number;
}

/** A file may have several classes, and a class repeats its lines in its methods: each line counts once. */
function* readCobertura(root: XmlElement): Generator<FileCoverage> {
  expectRoot(root, "coverage");
  const files = new Map<string, Map<string, LineCoverage>>();
  for (const group of elementsNamed(root, "class")) {
    const path = group.attributes.filename ?? group.attributes.name ?? "";
    const lines = files.get(path) ?? new Map<string, LineCoverage>();
    files.set(path, lines);
    for (const { attributes } of childNamed(group, "lines")?.children ?? []) {
      // condition-coverage="50% (1/2)"
      const [, covered, all] = /\((\d+)\/(\d+)\)/.exec(attributes["condition-coverage"] ?? "") ?? [];
      const line = lines.get(attributes.number ?? "") ?? { hit: false, branches: 0, branchesCovered: 0 };
      lines.set(attributes.number ?? "", {
        hit: line.hit || count(attributes.hits) > 0,
        branches: Math.max(line.branches, count(all)),
        branchesCovered: Math.max(line.branchesCovered, count(covered)),
      });
    }
  }
  for (const [path, lines] of files) yield sumOf(path, [...lines.values()]);
}

function* readJacoco(root: XmlElement): Generator<FileCoverage> {
  expectRoot(root, "report");
  for (const group of elementsNamed(root, "package")) {
    for (const file of group.children.filter(({ name }) => name === "sourcefile")) {
      const counter = (type: string) =>
        file.children.find(({ name, attributes }) => name === "counter" && attributes.type === type)
          ?.attributes ?? {};
      const [lines, branches] = [counter("LINE"), counter("BRANCH")];
      yield {
        path: [group.attributes.name, file.attributes.name].filter((part) => part).join("/"),
        linesCovered: count(lines.covered),
        linesMissed: count(lines.missed),
        branchesCovered: count(branches.covered),
        branchesMissed: count(branches.missed),
      };
    }
  }
}

/**
 * SIMPLECOV: either SimpleCov's own result set, by the name of the command that ran, or one result alone.
 * @throws ReportFormatError
 */
export function* readSimpleCov(value: unknown): Generator<FileCoverage> {
  const document = recordOf(value, "the document");
  const results = "coverage" in document ? [document] : Object.values(document);
  for (const result of results) {
    const { coverage } = recordOf(result, "a result");
    for (const [path, file] of Object.entries(recordOf(coverage, "the coverage"))) {
      const { lines, branches = {} } = Array.isArray(file)
        ? { lines: file }
        : recordOf(file, "a file's coverage");
      // Null stands for a line that cannot be run.
      const hits = arrayOf(lines, "a file's lines").filter((hit) => typeof hit === "number");
      const ways = Object.values(recordOf(branches, "a file's branches")).flatMap((way) =>
        Object.values(recordOf(way, "a branch")),
      );
      yield {
        path,
        linesCovered: hits.filter((hit) => hit > 0).length,
        linesMissed: hits.filter((hit) => hit <= 0).length,
        branchesCovered: ways.filter((hit) => Number(hit) > 0).length,
        branchesMissed: ways.filter((hit) => !(Number(hit) > 0)).length,
      };
    }
  }
}

function sumOf(path: string, lines: readonly LineCoverage[]): FileCoverage {
  const sum = (value: (line: LineCoverage) => number) =>
    lines.reduce((total, line) => total + value(line), 0);
  const branchesCovered = sum((line) => line.branchesCovered);
  return {
    path,
    linesCovered: sum(({ hit }) => (hit ? 1 : 0)),
    linesMissed: sum(({ hit }) => (hit ? 0 : 1)),
    branchesCovered,
    branchesMissed: Math.max(0, sum(({ branches }) => branches) - branchesCovered),
  };
}

function expectRoot({ name }: XmlElement, expected: string): void {
  if (name === expected) return;
  throw new ReportFormatError(`it begins with <${name.slice(0, 80)}>, not with <${expected}>`);
}

function count(text: string | undefined): number {
  const number = Number(text ?? 0);
  return Number.isFinite(number) && number > 0 ? Math.floor(number) : 0;
}
