import { join } from "node:path";
import { createFrontDesk } from "./apprunner/front.ts";
import { findFreePort, probeLoopback } from "./apprunner/instance.ts";
import type { Clock } from "./asl/clock.ts";
import { createLocalAws, type LocalAws, type LocalAwsOptions } from "./aws.ts";
import type { BuildRunner } from "./codebuild/runner.ts";
import { createShellRunner } from "./codebuild/shell-runner.ts";
import { createProcessContainers } from "./containers.ts";
import { type ListeningGateway, listen } from "./http.ts";
import { createUnpacker } from "./images/unpack.ts";
import { createChildFunctionRunner } from "./lambda/child-runner.ts";
import { openStore } from "./store.ts";
import type { World } from "./world.ts";

/** The local AWS on a laptop: everything in it is a process or a loopback socket of this machine. */
export interface Laptop {
  readonly aws: LocalAws;
  readonly url: string;
  /** Starts a process for each function, so that the first invocations do not wait for one. */
  prewarm(): void;
  stop(): Promise<void>;
}

/**
 * Starts the local AWS with real runners and listens on loopback.
 * @throws PortInUseError if a demanded port is taken. @throws StateFormatError if what is kept cannot be read.
 */
export async function startLaptop(options: {
  readonly clock: Clock;
  /** For what needs not outlive the process. */
  readonly folder: string;
  /** Where everything is kept that another start goes on with. Undefined: nothing is. */
  readonly keep?: string;
  /** Undefined: 4566, or the next free port. */
  readonly port: number | undefined;
  /** A source's location → a local git repository. */
  readonly sources: (location: string) => string | undefined;
  readonly path: string;
  /** How this machine reaches its package registry: npm's settings, proxies, certificates. */
  readonly network: Readonly<Record<string, string>>;
  /** What runs builds; a shell of this machine unless given. */
  readonly builds?: (world: World) => BuildRunner;
  readonly onEvent: NonNullable<LocalAwsOptions["onEvent"]>;
  readonly onFault: NonNullable<LocalAwsOptions["onFault"]>;
}): Promise<Laptop> {
  const { clock, folder, sources, path, network } = options;
  let listening: ListeningGateway | undefined;
  let functions: Awaited<ReturnType<typeof createChildFunctionRunner>> | undefined;
  const aws = await createLocalAws({
    clock,
    random: Math.random,
    folder,
    ...(options.keep === undefined ? {} : { store: openStore(options.keep) }),
    logFiles: true,
    endpoint: () => listening?.url ?? "",
    onEvent: options.onEvent,
    onFault: options.onFault,
    onDropped: (dropped) => options.onFault("an event was dropped", dropped),
    runners: async ({ world, images, resolveSecret }) => {
      functions = await createChildFunctionRunner(world);
      const interpreters = { node: process.execPath, python3: join("/", "usr", "bin", "python3") };
      return {
        functions,
        builds:
          options.builds?.(world) ?? createShellRunner(world, { sources, path, network, resolveSecret }),
        containers: createProcessContainers(clock, {
          unpack: createUnpacker(world, images),
          interpreters,
          path,
        }),
        frontDesk: createFrontDesk(clock),
        probe: probeLoopback,
        freePort: findFreePort,
      };
    },
  });
  try {
    listening = await listen(aws.gateway, {
      port: options.port ?? 4566,
      demanded: options.port !== undefined,
    });
  } catch (error) {
    await aws.stop();
    throw error;
  }
  const { url, close } = listening;
  return {
    aws,
    url,
    prewarm() {
      for (const fn of aws.lambda.list()) functions?.prewarm(fn);
    },
    async stop() {
      await aws.stop();
      await close();
    },
  };
}
