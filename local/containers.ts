import { join, normalize, sep } from "node:path";
import type { Clock } from "./asl/clock.ts";
import type { UnpackedImage } from "./images/unpack.ts";
import { startProcess } from "./process.ts";

/** A container as ECS and App Runner ask for one. */
export interface ContainerRequest {
  /** `REGISTRY/REPOSITORY@sha256:…` or `…:tag`. */
  readonly image: string;
  readonly entryPoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
}

/** What runs containers: processes here, anything that keeps this contract in a simulation. */
export interface ContainerRunner {
  /** @throws ContainerStartError if the image cannot be pulled or started. */
  start(container: ContainerRequest): Promise<RunningContainer>;
}

export interface RunningContainer {
  /** `exitCode` is null if a signal ended it. */
  readonly exited: Promise<{ readonly exitCode: number | null }>;
  /** SIGTERM, and SIGKILL after the grace. */
  stop(graceMilliseconds: number): Promise<void>;
}

/** A container that never ran; named as ECS names it. */
export class ContainerStartError extends Error {
  override readonly name: "CannotPullContainerError" | "CannotStartContainerError";
  constructor(name: ContainerStartError["name"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
  }
}

/**
 * Runs images as plain processes of this machine: the layers are unpacked, and the entrypoint is started with an
 * interpreter that the machine has. There is no isolation; the image's USER and its operating system are ignored.
 */
export function createProcessContainers(
  clock: Clock,
  options: {
    readonly unpack: (image: string) => Promise<UnpackedImage>;
    /** Interpreter → program: `{ node: process.execPath, python3: "/usr/bin/python3" }`. */
    readonly interpreters: Readonly<Record<string, string>>;
    /** PATH of the processes. */
    readonly path: string;
  },
): ContainerRunner {
  return {
    async start({ image, entryPoint, command, environment, onLine }) {
      const unpacked = await options.unpack(image);
      const { root, config } = unpacked;
      const words = [
        ...(entryPoint ?? config.entrypoint),
        ...(command ?? (entryPoint === undefined ? config.command : [])),
      ];
      const [program, ...rest] = words;
      const wanted = program?.split("/").at(-1) ?? "";
      const interpreter = Object.hasOwn(options.interpreters, wanted)
        ? options.interpreters[wanted]
        : undefined;
      if (interpreter === undefined)
        throw new ContainerStartError(
          "CannotStartContainerError",
          `The image starts "${program ?? "nothing"}"; without a container runtime only ${Object.keys(options.interpreters).join(" and ")} can be started.`,
        );
      const started = startProcess(clock, {
        command: interpreter,
        arguments: rest.map((word) => inside(root, word, unpacked)),
        folder: inside(root, config.workingDir || sep, unpacked),
        environment: { PATH: options.path, ...config.environment, ...environment },
        onLine: (line) => onLine(line),
      });
      return {
        exited: started.exited.then(({ code }) => ({ exitCode: code })),
        stop: (grace) => started.stop(grace),
      };
    },
  };
}

/** An absolute path of the image is a path under its root; anything else is left as it is. */
function inside(root: string, word: string, { has }: UnpackedImage): string {
  if (!word.startsWith(sep)) return word;
  const path = normalize(word);
  return has(path) ? join(root, path) : word;
}
