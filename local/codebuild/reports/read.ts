import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type FileCoverage, readSimpleCov, xmlCoverageFormats } from "./coverage-formats.ts";
import { readJson } from "./json.ts";
import { readCucumber, type TestResult, xmlTestFormats } from "./test-formats.ts";
import { ReportFormatError, readXml } from "./xml.ts";

/** The formats of reports that a buildspec may name (AWS documentation, "buildspec reference"). */
export const reportFormats = [
  "JUNITXML",
  "CUCUMBERJSON",
  "NUNITXML",
  "NUNIT3XML",
  "TESTNGXML",
  "VISUALSTUDIOTRX",
  "CLOVERXML",
  "COBERTURAXML",
  "JACOCOXML",
  "SIMPLECOV",
] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** What the files of a report say. */
export type ReportContent =
  | { readonly type: "TEST"; readonly tests: readonly (TestResult & { readonly file: string })[] }
  | { readonly type: "CODE_COVERAGE"; readonly files: readonly FileCoverage[] };

/** Whether reports of a format tell tests or coverage. */
export function reportType(format: ReportFormat): ReportContent["type"] {
  return format === "SIMPLECOV" || format in xmlCoverageFormats ? "CODE_COVERAGE" : "TEST";
}

/** All files of one report together. */
const MOST_BYTES = 32 * 1024 * 1024;

/** Reads the files of a report, given by their paths beneath `folder`. @throws ReportFormatError naming the file. */
export async function readReport(
  format: ReportFormat,
  folder: string,
  paths: readonly string[],
): Promise<ReportContent> {
  const budget = { bytes: MOST_BYTES };
  const inEach = async <T>(read: (chunks: AsyncIterable<string>) => Promise<Iterable<T>>) => {
    const all: (T & { readonly file: string })[] = [];
    for (const file of paths) {
      try {
        for (const item of await read(chunksOf(join(folder, file), budget))) all.push({ ...item, file });
      } catch (error) {
        throw new ReportFormatError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return all;
  };
  if (format === "CUCUMBERJSON")
    return { type: "TEST", tests: await inEach(async (chunks) => readCucumber(await readJson(chunks))) };
  if (format === "SIMPLECOV")
    return {
      type: "CODE_COVERAGE",
      files: await inEach(async (chunks) => readSimpleCov(await readJson(chunks))),
    };
  const coverage = xmlCoverageFormats[format];
  if (coverage !== undefined)
    return { type: "CODE_COVERAGE", files: await inEach(async (chunks) => coverage(await readXml(chunks))) };
  const tests = xmlTestFormats[format];
  if (tests === undefined) throw new ReportFormatError(`${format} is not a format of reports`);
  return { type: "TEST", tests: await inEach(async (chunks) => tests(await readXml(chunks))) };
}

/** Links are not followed, and what is no file is not waited for: a report is a file of the build. */
async function* chunksOf(path: string, budget: { bytes: number }): AsyncGenerator<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new ReportFormatError("it is no file");
    for await (const chunk of file.createReadStream({ encoding: "utf8", autoClose: false })) {
      const text = String(chunk);
      budget.bytes -= Buffer.byteLength(text);
      if (budget.bytes < 0)
        throw new ReportFormatError(`the report has more than ${MOST_BYTES / 1024 / 1024} MiB`);
      yield text;
    }
  } finally {
    await file.close();
  }
}
