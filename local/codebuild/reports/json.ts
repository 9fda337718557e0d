import { ReportFormatError } from "./xml.ts";

/** Reads a document as it comes. @throws SyntaxError */
export async function readJson(chunks: AsyncIterable<string>): Promise<unknown> {
  let text = "";
  for await (const chunk of chunks) text += chunk;
  return JSON.parse(text);
}

/** @throws ReportFormatError */
export function arrayOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new ReportFormatError(`${what} is no list`);
}

/** @throws ReportFormatError */
export function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new ReportFormatError(`${what} is no mapping`);
}
