import { type ParseArgsConfig, parseArgs } from "node:util";
import { RefusalError } from "./refusal.ts";

/** What `docker build` is asked for. */
export interface BuildRequest {
  readonly tags: readonly string[];
  /** Relative to where the command runs; undefined for the context's `Dockerfile`. */
  readonly file: string | undefined;
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly target: string | undefined;
  readonly platform: string | undefined;
  readonly noCache: boolean;
  readonly quiet: boolean;
  readonly push: boolean;
  readonly imageIdFile: string | undefined;
  readonly metadataFile: string | undefined;
  readonly context: string;
}

type Options = NonNullable<ParseArgsConfig["options"]>;

const text = { type: "string" } as const;
const texts = { type: "string", multiple: true } as const;
const flag = { type: "boolean" } as const;

const BUILD_OPTIONS = {
  tag: { ...texts, short: "t" },
  file: { ...text, short: "f" },
  "build-arg": texts,
  label: texts,
  target: text,
  platform: text,
  "no-cache": flag,
  quiet: { ...flag, short: "q" },
  push: flag,
  iidfile: text,
  "metadata-file": text,
  // These are passed over: the cache is the project's own, and the image gets no attestations and stays here.
  "cache-from": texts,
  "cache-to": texts,
  provenance: text,
  sbom: text,
  progress: text,
  pull: flag,
  load: flag,
  rm: flag,
  "force-rm": flag,
} as const;

/**
 * Reads the arguments after `docker build`.
 * @param environment gives the value of a `--build-arg NAME` without one, as in Docker.
 * @throws RefusalError
 */
export function readBuildRequest(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): BuildRequest {
  const { values, positionals } = parse("build", words, BUILD_OPTIONS);
  const [context, ...others] = positionals;
  if (context === undefined || others.length > 0)
    throw new RefusalError("docker build takes one context: a folder.");
  if (context === "-" || /^(?:https?|git|ssh):/.test(context))
    throw new RefusalError(`docker build takes a folder for its context here, not ${context}.`);
  if (values.platform?.includes(","))
    throw new RefusalError("docker build makes one platform at a time here; build each by itself.");
  return {
    tags: values.tag ?? [],
    file: values.file,
    buildArguments: pairs(values["build-arg"], (name) => environment[name]),
    labels: pairs(values.label, () => ""),
    target: values.target,
    platform: values.platform,
    noCache: values["no-cache"] ?? false,
    quiet: values.quiet ?? false,
    push: values.push ?? false,
    imageIdFile: values.iidfile,
    metadataFile: values["metadata-file"],
    context,
  };
}

/** What `docker login` is asked for. */
export interface LoginRequest {
  readonly user: string;
  /** Undefined where it is to be read from the standard input. */
  readonly password: string | undefined;
  readonly registry: string;
}

/** Reads the arguments after `docker login`. @throws RefusalError */
export function readLoginRequest(words: readonly string[]): LoginRequest {
  const { values, positionals } = parse("login", words, {
    username: { ...text, short: "u" },
    password: { ...text, short: "p" },
    "password-stdin": flag,
  });
  const [registry, ...others] = positionals;
  const { username: user, password } = values;
  if (registry === undefined || others.length > 0 || user === undefined || user === "")
    throw new RefusalError(
      "docker login must read docker login --username AWS --password-stdin REGISTRY here.",
    );
  if (password === undefined && values["password-stdin"] !== true)
    throw new RefusalError("docker login needs --password-stdin: nobody is here to be asked.");
  return { user, password, registry };
}

/**
 * Parses the arguments of one of docker's commands.
 * @throws RefusalError naming an option that is not known, and those that are.
 */
export function parse<T extends Options>(command: string, words: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(". ")[0] : String(error);
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new RefusalError(
      `docker ${command}: ${reason}. Spillway's own builder knows ${known.join(", ") || "no option"}. For more, install Docker or buildah on this machine.`,
    );
  }
}

function pairs(
  given: readonly string[] | undefined,
  otherwise: (name: string) => string | undefined,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of given ?? []) {
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? otherwise(name) : pair.slice(equals + 1);
    if (value !== undefined) found[name] = value;
  }
  return found;
}
