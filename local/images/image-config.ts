import type { DockerfileStep } from "./dockerfile.ts";
import { type LookUp, splitWords, WordsError } from "./words.ts";

/** How a container of the image is started: what the instructions other than COPY and RUN say. */
export interface StageConfig {
  readonly environment: Map<string, string>;
  readonly labels: Map<string, string>;
  readonly exposedPorts: Set<string>;
  workingFolder: string;
  user: string;
  entrypoint: readonly string[] | undefined;
  command: readonly string[] | undefined;
  healthcheck: Healthcheck | undefined;
  stopSignal: string | undefined;
}

/** As Docker writes it into the config, durations in nanoseconds. What is undefined does not get there. */
interface Healthcheck {
  readonly Test: readonly string[];
  readonly Interval?: number | undefined;
  readonly Timeout?: number | undefined;
  readonly StartPeriod?: number | undefined;
  readonly StartInterval?: number | undefined;
  readonly Retries?: number | undefined;
}

/** The configuration an image has before any instruction, or a copy of `base`. */
export function createStageConfig(base?: StageConfig): StageConfig {
  return {
    environment: new Map(base?.environment),
    labels: new Map(base?.labels),
    exposedPorts: new Set(base?.exposedPorts),
    workingFolder: base?.workingFolder ?? "/",
    user: base?.user ?? "",
    entrypoint: base?.entrypoint,
    command: base?.command,
    healthcheck: base?.healthcheck,
    stopSignal: base?.stopSignal,
  };
}

/** Carries out one instruction that only changes the configuration. Throws WordsError for malformed arguments. */
export function applyToConfig(config: StageConfig, step: DockerfileStep, lookUp: LookUp): void {
  const words = () => splitWords(step.text, lookUp).map(({ text }) => text);
  switch (step.keyword) {
    case "ENV":
      for (const [name, value] of readPairs(step.keyword, words())) config.environment.set(name, value);
      return;
    case "LABEL":
      for (const [name, value] of readPairs(step.keyword, words())) config.labels.set(name, value);
      return;
    case "EXPOSE":
      for (const port of words()) config.exposedPorts.add(readPort(port));
      return;
    case "USER":
      config.user = words().join(" ");
      return;
    case "STOPSIGNAL":
      config.stopSignal = words().join(" ");
      return;
    case "ENTRYPOINT":
      config.entrypoint = step.exec ?? ["/bin/sh", "-c", step.text];
      // As in Docker: a new entrypoint makes an inherited command meaningless.
      config.command = undefined;
      return;
    case "CMD":
      config.command = step.exec ?? ["/bin/sh", "-c", step.text];
      return;
    case "HEALTHCHECK":
      config.healthcheck = readHealthcheck(step);
      return;
  }
}

function readPairs(keyword: string, words: readonly string[]): [string, string][] {
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at < 1) throw new WordsError(`${keyword} must read ${keyword} name=value, not "${word}".`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}

function readPort(text: string): string {
  if (!/^\d{1,5}(\/(tcp|udp))?$/.test(text))
    throw new WordsError(`EXPOSE ${text} is not a port such as 8080 or 8080/tcp.`);
  return text.includes("/") ? text : `${text}/tcp`;
}

function readHealthcheck(step: DockerfileStep): Healthcheck {
  if (step.text.toUpperCase() === "NONE") return { Test: ["NONE"] };
  const [, rest] = /^CMD\s+(.*)$/is.exec(step.text) ?? [];
  if (rest === undefined)
    throw new WordsError("HEALTHCHECK must read HEALTHCHECK CMD … or HEALTHCHECK NONE.");
  const exec = rest.startsWith("[") ? parseExec(rest) : undefined;
  const flag = (name: string) => {
    const text = step.flags.get(name);
    return text === undefined ? undefined : readDuration(name, text);
  };
  const retries = step.flags.get("retries");
  return {
    Test: exec === undefined ? ["CMD-SHELL", rest] : ["CMD", ...exec],
    Interval: flag("interval"),
    Timeout: flag("timeout"),
    StartPeriod: flag("start-period"),
    StartInterval: flag("start-interval"),
    Retries: retries === undefined ? undefined : Number(retries),
  };
}

function parseExec(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value.map(String);
  } catch {
    // Said below.
  }
  throw new WordsError(`HEALTHCHECK CMD ${text.slice(0, 60)} is not a JSON list of words.`);
}

function readDuration(name: string, text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3_600e9 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text) {
    throw new WordsError(`HEALTHCHECK --${name}=${text} is not a duration such as 10s or 1m30s.`);
  }
  return parts.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (units[unit] ?? 0), 0);
}
