import { parse } from "yaml";

export const phaseNames = ["install", "pre_build", "build", "post_build"] as const;
export type PhaseName = (typeof phaseNames)[number];

/** The commands of one phase. */
export interface BuildPhase {
  readonly commands: readonly string[];
  /** Run after the commands, whether they passed or not. */
  readonly finally: readonly string[];
  /** What a failure does; undefined for what the phase does by itself. */
  readonly onFailure: "ABORT" | "CONTINUE" | undefined;
}

/** Files that outlive the build, beneath a folder of its source. */
export interface KeptFiles {
  readonly patterns: readonly string[];
  readonly folder: string;
  /** Whether only the files' names are kept, not the folders that they are in. */
  readonly discardPaths: boolean;
}

/** What this runner uses of a buildspec (version 0.2). */
export interface Buildspec {
  readonly shell: "sh" | "bash";
  readonly variables: Readonly<Record<string, string>>;
  /** Variable → `secret-id:json-key:version-stage:version-id`, resolved by the platform. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly exportedVariables: readonly string[];
  readonly phases: Readonly<Partial<Record<PhaseName, BuildPhase>>>;
  /** By the name of their report group. */
  readonly reports: Readonly<Record<string, KeptFiles>>;
  readonly artifacts: KeptFiles | undefined;
  readonly cachePaths: readonly string[];
  /** What it asks for that makes no difference here, in words for the log. */
  readonly ignored: readonly string[];
}

/** A buildspec that cannot be run; the build ends in DOWNLOAD_SOURCE with YAML_FILE_ERROR, as AWS's does. */
export class BuildspecError extends Error {
  override readonly name = "BuildspecError";
}

const TOP_LEVEL = ["version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"];
const ENV = [
  "shell",
  "variables",
  "parameter-store",
  "exported-variables",
  "secrets-manager",
  "git-credential-helper",
];
const PHASE = ["run-as", "on-failure", "runtime-versions", "commands", "finally"];

/** Reads a buildspec. @throws BuildspecError naming the place, what was expected and what was found. */
export function readBuildspec(text: string): Buildspec {
  const spec = mapping(parseYaml(text), "the buildspec", TOP_LEVEL);
  if (String(spec.version) !== "0.2") fail("version", "0.2", spec.version);
  const env = mapping(spec.env ?? {}, "env", ENV);
  if (Object.keys(mapping(env["parameter-store"] ?? {}, "env.parameter-store")).length > 0) {
    throw new BuildspecError(
      "env.parameter-store: the local AWS has no Parameter Store; use secrets-manager",
    );
  }
  const phases = mapping(spec.phases, "phases", phaseNames);
  return {
    shell: readShell(env.shell),
    variables: texts(env.variables, "env.variables"),
    secrets: texts(env["secrets-manager"], "env.secrets-manager"),
    exportedVariables: list(env["exported-variables"], "env.exported-variables").map(variableName),
    phases: Object.fromEntries(Object.entries(phases).map(([name, phase]) => [name, readPhase(phase, name)])),
    reports: Object.fromEntries(
      Object.entries(mapping(spec.reports ?? {}, "reports")).map(([name, report]) => [
        name,
        readFiles(report, `reports.${name}`),
      ]),
    ),
    artifacts: spec.artifacts === undefined ? undefined : readFiles(spec.artifacts, "artifacts"),
    cachePaths: list(mapping(spec.cache ?? {}, "cache").paths, "cache.paths"),
    ignored: [
      ...(JSON.stringify(spec).includes('"run-as"')
        ? ["run-as: commands run as the user who runs the local AWS"]
        : []),
      ...(JSON.stringify(phases).includes('"runtime-versions"')
        ? ["runtime-versions: Node is the one that runs the local AWS"]
        : []),
      ...(spec.proxy === undefined ? [] : ["proxy"]),
      ...(spec.batch === undefined ? [] : ["batch: this is a single build"]),
    ],
  };
}

function readPhase(value: unknown, name: string): BuildPhase {
  const place = `phases.${name}`;
  const phase = mapping(value ?? {}, place, PHASE);
  const onFailure = phase["on-failure"];
  if (onFailure !== undefined && onFailure !== "ABORT" && onFailure !== "CONTINUE") {
    fail(`${place}.on-failure`, "ABORT or CONTINUE (the local AWS does not retry builds)", onFailure);
  }
  return {
    commands: list(phase.commands, `${place}.commands`),
    finally: list(phase.finally, `${place}.finally`),
    onFailure: onFailure === "ABORT" || onFailure === "CONTINUE" ? onFailure : undefined,
  };
}

function readFiles(value: unknown, place: string): KeptFiles {
  const kept = mapping(value, place);
  return {
    patterns: list(kept.files, `${place}.files`),
    folder: String(kept["base-directory"] ?? "."),
    discardPaths: kept["discard-paths"] === true || kept["discard-paths"] === "yes",
  };
}

function readShell(shell: unknown): Buildspec["shell"] {
  if (shell === undefined || shell === "sh" || shell === "/bin/sh") return "sh";
  if (shell === "bash" || shell === "/bin/bash") return "bash";
  return fail("env.shell", "sh or bash", shell);
}

function variableName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : fail("env.exported-variables", "names of variables", name);
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new BuildspecError(error instanceof Error ? error.message : String(error));
  }
}

function mapping(value: unknown, place: string, known?: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail(place, "a mapping", value);
  }
  const stranger = Object.keys(value).find((key) => known !== undefined && !known.includes(key));
  if (stranger !== undefined) {
    throw new BuildspecError(`${place}: unknown key "${stranger}"; expected ${known?.join(", ")}`);
  }
  return { ...value };
}

function list(value: unknown, place: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return fail(place, "a list", value);
  return value.map((item: unknown, index) => {
    if (typeof item === "string" || typeof item === "number" || typeof item === "boolean")
      return String(item);
    return fail(`${place}[${index}]`, 'a text (quote one that holds ": ")', item);
  });
}

function texts(value: unknown, place: string): Record<string, string> {
  const entries = Object.entries(mapping(value ?? {}, place));
  return Object.fromEntries(
    entries.map(([name, text]) =>
      typeof text === "object"
        ? fail(`${place}.${name}`, "a text", text)
        : [variableOf(name, place), String(text)],
    ),
  );
}

function variableOf(name: string, place: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : fail(place, "names of variables", name);
}

function fail(place: string, expected: string, found: unknown): never {
  const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 100);
  throw new BuildspecError(`${place}: expected ${expected}, found ${shown}`);
}
