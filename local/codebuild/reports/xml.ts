import { SaxesParser } from "saxes";

/** One element of a document with what is in it. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Its own text, without that of its children. */
  readonly text: string;
}

/** A document that is malformed or too large. */
export class ReportFormatError extends Error {
  override readonly name = "ReportFormatError";
}

const DEEPEST = 100;
const MOST_ELEMENTS = 1_000_000;

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

/**
 * Reads a document as it comes. Documents are written by what a build runs, so nothing in them is trusted: entities
 * other than XML's own five are an error, and depth and number of elements are limited.
 * @throws ReportFormatError
 */
export async function readXml(chunks: AsyncIterable<string>): Promise<XmlElement> {
  const parser = new SaxesParser();
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let count = 0;
  parser.on("error", (error) => {
    throw new ReportFormatError(error.message);
  });
  parser.on("opentag", ({ name, attributes }) => {
    count += 1;
    if (count > MOST_ELEMENTS) throw new ReportFormatError(`it has more than ${MOST_ELEMENTS} elements`);
    if (open.length >= DEEPEST)
      throw new ReportFormatError(`its elements are more than ${DEEPEST} levels deep`);
    const element: OpenElement = { name, attributes, children: [], text: "" };
    open.at(-1)?.children.push(element);
    open.push(element);
    root ??= element;
  });
  parser.on("closetag", () => void open.pop());
  const addText = (text: string) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);
  for await (const chunk of chunks) parser.write(chunk);
  parser.close();
  if (root === undefined) throw new ReportFormatError("it has no element");
  return root;
}

/** Every element with one of the names, at any depth, in the document's order. */
export function* elementsNamed(element: XmlElement, ...names: readonly string[]): Generator<XmlElement> {
  if (names.includes(element.name)) yield element;
  for (const child of element.children) yield* elementsNamed(child, ...names);
}

/** The first child with one of the names. */
export function childNamed(element: XmlElement, ...names: readonly string[]): XmlElement | undefined {
  return element.children.find(({ name }) => names.includes(name));
}
