import { sep } from "node:path";

/** What an image's configuration says about how it is started. */
export interface StartConfig {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The configuration is not as OCI and Docker have it. */
export class ImageConfigError extends Error {
  override readonly name = "ImageConfigError";
}

/** Reads an image's configuration, which comes from a stranger. @throws ImageConfigError */
export function readStartConfig(text: string): StartConfig {
  const { Entrypoint, Cmd, Env, WorkingDir, Labels } = members(
    members(parse(text), "").config ?? {},
    "config",
  );
  const environment = texts(Env, "config.Env").map((pair): [string, string] => {
    const equals = pair.indexOf("=");
    if (equals < 1 || pair.includes("\0"))
      throw new ImageConfigError("config.Env holds what is no NAME=VALUE");
    return [pair.slice(0, equals), pair.slice(equals + 1)];
  });
  return {
    entrypoint: texts(Entrypoint, "config.Entrypoint"),
    command: texts(Cmd, "config.Cmd"),
    // The image's PATH names folders of its base, which are not here.
    environment: Object.fromEntries(environment.filter(([name]) => name !== "PATH")),
    workingDir: oneText(WorkingDir ?? "", "config.WorkingDir") || sep,
    labels: Object.fromEntries(
      Object.entries(members(Labels ?? {}, "config.Labels")).map(([name, value]) => [
        name,
        oneText(value, "a label"),
      ]),
    ),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ImageConfigError("it is no JSON");
  }
}

function members(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new ImageConfigError(`${place || "it"} is no object`);
}

function texts(value: unknown, place: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new ImageConfigError(`${place} is no list`);
  return value.map((one) => oneText(one, place));
}

function oneText(value: unknown, place: string): string {
  if (typeof value === "string" && !value.includes("\0")) return value;
  throw new ImageConfigError(`${place} holds what is no text`);
}
