import { parse } from "yaml";

export const phaseNames = ["install", "pre_build", "build", "post_build"] as const;
export type PhaseName = (typeof phaseNames)[number];

export interface BuildPhase {
  readonly commands: readonly string[];
  /** Run after the commands, whether they passed or not. */
  readonly finally: readonly string[];
  readonly onFailure: "ABORT" | "CONTINUE";
}

/** What this runner uses of a buildspec (version 0.2). */
export interface Buildspec {
  readonly shell: "sh" | "bash";
  readonly variables: Readonly<Record<string, string>>;
  /** Variable → `secret-id:json-key`, resolved by the platform. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly exportedVariables: readonly string[];
  readonly phases: Readonly<Partial<Record<PhaseName, BuildPhase>>>;
  /** Files kept of the build, each list under a name: reports and artifacts. */
  readonly reports: Readonly<
    Record<
      string,
      { readonly files: readonly string[]; readonly folder: string; readonly format: string | undefined }
    >
  >;
  readonly artifacts: { readonly files: readonly string[]; readonly folder: string } | undefined;
  readonly cachePaths: readonly string[];
}

/** A buildspec that cannot be run; the build ends in DOWNLOAD_SOURCE with YAML_FILE_ERROR, as AWS's does. */
export class BuildspecError extends Error {
  override readonly name = "BuildspecError";
}

/** @throws BuildspecError naming the place and what was expected. */
export function readBuildspec(text: string): Buildspec {
  const spec = record(parseYaml(text), "the buildspec");
  if (String(spec.version) !== "0.2")
    throw new BuildspecError(`version: expected 0.2, found ${String(spec.version)}`);
  const env = record(spec.env ?? {}, "env");
  const phases = record(spec.phases, "phases");
  for (const name of Object.keys(phases))
    if (!phaseNames.some((known) => known === name))
      throw new BuildspecError(`phases.${name}: expected ${phaseNames.join(", ")}`);
  const artifacts = spec.artifacts === undefined ? undefined : record(spec.artifacts, "artifacts");
  return {
    shell: env.shell === undefined || env.shell === "sh" || env.shell === "/bin/sh" ? "sh" : "bash",
    variables: texts(env.variables, "env.variables"),
    secrets: texts(env["secrets-manager"], "env.secrets-manager"),
    exportedVariables: list(env["exported-variables"], "env.exported-variables"),
    phases: Object.fromEntries(Object.entries(phases).map(([name, phase]) => [name, readPhase(phase, name)])),
    reports: Object.fromEntries(
      Object.entries(record(spec.reports ?? {}, "reports")).map(([name, one]) => [
        name,
        readReport(one, name),
      ]),
    ),
    artifacts:
      artifacts === undefined
        ? undefined
        : {
            files: list(artifacts.files, "artifacts.files"),
            folder: String(artifacts["base-directory"] ?? "."),
          },
    cachePaths: list(record(spec.cache ?? {}, "cache").paths, "cache.paths"),
  };
}

function readPhase(value: unknown, name: string): BuildPhase {
  const phase = record(value ?? {}, `phases.${name}`);
  return {
    commands: list(phase.commands, `phases.${name}.commands`),
    finally: list(phase.finally, `phases.${name}.finally`),
    onFailure: phase["on-failure"] === "CONTINUE" ? "CONTINUE" : "ABORT",
  };
}

function readReport(value: unknown, name: string) {
  const report = record(value, `reports.${name}`);
  return {
    files: list(report.files, `reports.${name}.files`),
    folder: String(report["base-directory"] ?? "."),
    format: report["file-format"] === undefined ? undefined : String(report["file-format"]),
  };
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new BuildspecError(error instanceof Error ? error.message : String(error));
  }
}

function record(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.fromEntries(Object.entries(value));
  throw new BuildspecError(`${place}: expected a mapping`);
}

function list(value: unknown, place: string): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((one) => ["string", "number", "boolean"].includes(typeof one)))
    return value.map(String);
  throw new BuildspecError(`${place}: expected a list of texts; quote a command that holds ": "`);
}

function texts(value: unknown, place: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record(value ?? {}, place)).map(([name, text]) => [name, String(text)]),
  );
}
