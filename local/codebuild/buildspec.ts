import { parse } from "yaml";
import type { NamedArtifacts } from "./artifacts.ts";
import { type ReportFormat, reportFormats } from "./reports/read.ts";
import { BuildspecError, fail, list, mapping, texts, variableOf } from "./yaml-shape.ts";

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
  /** Patterns of what is left out. */
  readonly excluded: readonly string[];
}

/** The files of a report, and how to read them. */
export interface ReportFiles extends KeptFiles {
  readonly format: ReportFormat;
}

/** What this runner uses of a buildspec (version 0.2). */
export interface Buildspec {
  readonly shell: "sh" | "bash";
  readonly variables: Readonly<Record<string, string>>;
  /** Variable → `secret-id:json-key:version-stage:version-id`, resolved by the platform. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly exportedVariables: readonly string[];
  readonly phases: Readonly<Partial<Record<PhaseName, BuildPhase>>>;
  /** By the name of their report group, or its ARN. */
  readonly reports: Readonly<Record<string, ReportFiles>>;
  readonly artifacts: NamedArtifacts | undefined;
  /** By their identifier. */
  readonly secondaryArtifacts: Readonly<Record<string, NamedArtifacts>>;
  readonly cachePaths: readonly string[];
  /** What it asks for that makes no difference here, in words for the log. */
  readonly ignored: readonly string[];
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
const CACHE = ["paths", "key", "fallback-keys", "action"];
const REPORT = ["file-format", "files", "base-directory", "discard-paths"];
const ARTIFACTS = [
  "files",
  "name",
  "discard-paths",
  "base-directory",
  "exclude-paths",
  "enable-symlinks",
  "s3-prefix",
  "secondary-artifacts",
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
    exportedVariables: list(env["exported-variables"], "env.exported-variables").map((name) =>
      variableOf(name, "env.exported-variables"),
    ),
    phases: Object.fromEntries(Object.entries(phases).map(([name, phase]) => [name, readPhase(phase, name)])),
    reports: Object.fromEntries(
      Object.entries(mapping(spec.reports ?? {}, "reports")).map(([name, report]) => [
        name,
        { ...readFiles(report, `reports.${name}`), format: readFormat(report, `reports.${name}`) },
      ]),
    ),
    artifacts: spec.artifacts === undefined ? undefined : readArtifacts(spec.artifacts, "artifacts"),
    secondaryArtifacts: readSecondary(spec.artifacts),
    cachePaths: list(mapping(spec.cache ?? {}, "cache", CACHE).paths, "cache.paths"),
    ignored: [
      ...(JSON.stringify(spec).includes('"run-as"')
        ? ["run-as: commands run as the user who runs the local AWS"]
        : []),
      ...(JSON.stringify(phases).includes('"runtime-versions"')
        ? ["runtime-versions: Node is the one that runs the local AWS"]
        : []),
      ...(/"(?:key|fallback-keys|action)":/.test(JSON.stringify(spec.cache ?? {}))
        ? ["cache.key, cache.fallback-keys, cache.action: a project has one cache, restored and saved"]
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
    excluded: list(kept["exclude-paths"], `${place}.exclude-paths`),
  };
}

function readFormat(value: unknown, place: string): ReportFormat {
  const asked = mapping(value, place, REPORT)["file-format"] ?? "JUNITXML";
  const format = reportFormats.find((known) => known === String(asked).toUpperCase());
  return format ?? fail(`${place}.file-format`, reportFormats.join(", "), asked);
}

function readArtifacts(value: unknown, place: string): NamedArtifacts {
  const { name, "s3-prefix": prefix } = mapping(value, place, ARTIFACTS);
  return {
    ...readFiles(value, place),
    name: name === undefined ? undefined : inBucket(String(name), `${place}.name`),
    prefix: inBucket(String(prefix ?? ""), `${place}.s3-prefix`),
  };
}

function readSecondary(artifacts: unknown): Buildspec["secondaryArtifacts"] {
  const place = "artifacts.secondary-artifacts";
  const secondary = mapping(artifacts ?? {}, "artifacts")["secondary-artifacts"];
  return Object.fromEntries(
    Object.entries(mapping(secondary ?? {}, place)).map(([identifier, one]) => [
      identifier,
      readArtifacts(one, `${place}.${identifier}`),
    ]),
  );
}

function inBucket(key: string, place: string): string {
  return key.split("/").includes("..") ? fail(place, 'a key without ".."', key) : key;
}

function readShell(shell: unknown): Buildspec["shell"] {
  if (shell === undefined || shell === "sh" || shell === "/bin/sh") return "sh";
  if (shell === "bash" || shell === "/bin/bash") return "bash";
  return fail("env.shell", "sh or bash", shell);
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new BuildspecError(error instanceof Error ? error.message : String(error));
  }
}
