import { DockerfileParser, type Instruction, type ModifiableInstruction } from "dockerfile-ast";

/** What a Dockerfile may contain here; the rest is refused by name. */
const KEYWORDS = [
  "ARG",
  "CMD",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "HEALTHCHECK",
  "LABEL",
  "RUN",
  "STOPSIGNAL",
  "USER",
  "WORKDIR",
] as const;
export type Keyword = (typeof KEYWORDS)[number];

const FLAGS: Readonly<Partial<Record<Keyword | "FROM", readonly string[]>>> = {
  COPY: ["from", "chown"],
  HEALTHCHECK: ["interval", "timeout", "start-period", "start-interval", "retries"],
  FROM: ["platform"],
};

/** One instruction, before variables are replaced. */
export interface DockerfileStep {
  readonly keyword: Keyword;
  /** Counted from 1. */
  readonly line: number;
  /** The arguments without flags, on one line. */
  readonly text: string;
  readonly flags: ReadonlyMap<string, string>;
  /** The arguments of the exec form: `["node", "main.js"]`. */
  readonly exec: readonly string[] | undefined;
}

/** One FROM with what follows it. */
export interface DockerfileStage {
  /** The image or earlier stage it begins with, before variables are replaced. */
  readonly base: string;
  /** After AS. */
  readonly name: string | undefined;
  readonly line: number;
  readonly steps: readonly DockerfileStep[];
}

export interface ParsedDockerfile {
  /** The ARGs before the first FROM, as "NAME" or "NAME=default". */
  readonly globalArguments: readonly DockerfileStep[];
  readonly stages: readonly DockerfileStage[];
}

/** The Dockerfile cannot be built here. The message begins with file and line and says what to write instead. */
export class DockerfileError extends Error {
  override readonly name = "DockerfileError";
}

/** Reads a Dockerfile. Throws DockerfileError for what is malformed or not supported. */
export function parseDockerfile(content: string, fileName: string): ParsedDockerfile {
  const globalArguments: DockerfileStep[] = [];
  const stages: (DockerfileStage & { steps: DockerfileStep[] })[] = [];
  for (const instruction of DockerfileParser.parse(content).getInstructions()) {
    const line = instruction.getRange().start.line + 1;
    const fail = (reason: string): never => {
      throw new DockerfileError(`${fileName}:${line}: ${reason}`);
    };
    const keyword = instruction.getKeyword();
    const current = stages.at(-1);
    if (keyword === "FROM") {
      stages.push({ ...readFrom(instruction, fail), line, steps: [] });
    } else if (!isKeyword(keyword)) {
      fail(`${keyword} is not supported; supported are FROM, ${KEYWORDS.join(", ")}.`);
    } else if (current === undefined && keyword !== "ARG") {
      fail(`${keyword} stands before the first FROM, where only ARG may stand.`);
    } else {
      (current?.steps ?? globalArguments).push(readStep(instruction, keyword, line, fail));
    }
  }
  if (stages.length === 0) throw new DockerfileError(`${fileName}:1: there is no FROM.`);
  return { globalArguments, stages };
}

/** By name; by number too, as COPY --from=0 allows. */
export function findStage(stages: readonly DockerfileStage[], name: string): DockerfileStage | undefined {
  return (
    stages.findLast((stage) => stage.name === name.toLowerCase()) ??
    (/^\d+$/.test(name) ? stages[Number(name)] : undefined)
  );
}

function isKeyword(word: string): word is Keyword {
  return KEYWORDS.some((keyword) => keyword === word);
}

type Fail = (reason: string) => never;

function readFrom(instruction: Instruction, fail: Fail): Pick<DockerfileStage, "base" | "name"> {
  const { text } = takeFlags(instruction, "FROM", fail);
  const [base, as, name, ...rest] = text.split(/\s+/).filter((word) => word !== "");
  if (base === undefined) return fail("FROM needs an image.");
  if (rest.length > 0 || (as !== undefined && (as.toUpperCase() !== "AS" || name === undefined))) {
    return fail("FROM must read FROM image or FROM image AS name.");
  }
  return { base, name: name?.toLowerCase() };
}

function readStep(instruction: Instruction, keyword: Keyword, line: number, fail: Fail): DockerfileStep {
  const { text, flags } = takeFlags(instruction, keyword, fail);
  if (text === "") fail(`${keyword} needs arguments.`);
  if (text.includes("<<"))
    fail(`${keyword} with a here-document is not supported; put the text into a file.`);
  return { keyword, line, text, flags, exec: readExec(text) };
}

function takeFlags(instruction: Instruction, keyword: Keyword | "FROM", fail: Fail) {
  const flags = new Map<string, string>();
  let text = (instruction.getArgumentsContent() ?? "").trim();
  if (isModifiable(instruction)) {
    for (const flag of instruction.getFlags()) {
      const name = flag.getName();
      if (!FLAGS[keyword]?.includes(name)) fail(`${keyword} --${name} is not supported.`);
      const value = flag.getValue();
      if (value === null || value === "") fail(`${keyword} --${name} needs a value.`);
      else flags.set(name, value);
      // Not every kind of instruction counts its flags among its arguments.
      if (text.startsWith("--")) text = text.slice(text.indexOf(" ") + 1).trim();
    }
  }
  return { text, flags };
}

function isModifiable(instruction: Instruction): instruction is ModifiableInstruction {
  return "getFlags" in instruction;
}

/** The words of the exec form; undefined for the shell form, which is also what malformed JSON is to Docker. */
function readExec(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((word) => typeof word === "string")) return value;
  } catch {
    // The shell form it is.
  }
  return undefined;
}
