import { once } from "node:events";
import { connect, createServer } from "node:net";
import { type Clock, sleep } from "../asl/clock.ts";
import type { ContainerRunner, RunningContainer } from "../containers.ts";

/** How App Runner decides that an instance may serve. Seconds, as in its API. */
export interface HealthCheck {
  readonly protocol: "HTTP" | "TCP";
  readonly path: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/** What an instance says when it is asked once; `closed` while it does not listen. */
export type Answer = "good" | "bad" | "closed";

/** Asks an instance once. A simulation injects its own. */
export type Probe = (port: number, check: HealthCheck) => Promise<Answer>;

/** App Runner gives an instance up to five minutes to start before it counts that nothing listens. */
const START_MILLISECONDS = 300_000;

/** What an instance is started with. */
export interface InstanceRequest {
  readonly image: string;
  readonly command: readonly string[] | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
}

export interface Instance {
  readonly port: number;
  readonly container: RunningContainer;
}

export type StartResult =
  | { readonly healthy: true; readonly instance: Instance }
  | { readonly healthy: false; readonly reason: string };

/** Starts instances and judges them. */
export function createInstances(
  clock: Clock,
  options: { containers: ContainerRunner; probe: Probe; freePort: () => Promise<number> },
) {
  /** Asks until the thresholds decide, or the process ends. */
  async function judge({ port, container }: Instance, check: HealthCheck): Promise<string | undefined> {
    let exit: { exitCode: number | null } | undefined;
    void container.exited.then((ended) => {
      exit = ended;
    });
    const startedAt = clock.now();
    for (let [good, bad, listened] = [0, 0, false]; ; ) {
      await Promise.race([sleep(clock, check.intervalSeconds * 1000), container.exited]);
      if (exit !== undefined) return `the container exited with code ${exit.exitCode} before it was healthy`;
      const answer = await clock.busy(options.probe(port, check));
      listened ||= answer !== "closed";
      if (!listened && clock.now() - startedAt < START_MILLISECONDS) continue;
      [good, bad] = answer === "good" ? [good + 1, 0] : [0, bad + 1];
      if (good >= check.healthyThreshold) return undefined;
      if (bad >= check.unhealthyThreshold)
        return `${bad} health checks in a row failed on ${check.protocol} ${check.protocol === "HTTP" ? check.path : port}`;
    }
  }

  return {
    /** Starts an instance and waits until it is healthy or known not to be; then it is stopped again. */
    async start(request: InstanceRequest, check: HealthCheck): Promise<StartResult> {
      const port = await clock.busy(options.freePort());
      try {
        const container = await options.containers.start({
          image: request.image,
          ...(request.command === undefined ? {} : { command: request.command }),
          // Loopback only, whatever the image says: nothing of a release is to be seen from other machines.
          environment: { ...request.environment, HOST: "127.0.0.1", PORT: String(port) },
          onLine: request.onLine,
        });
        const instance = { port, container };
        const reason = await judge(instance, check);
        if (reason === undefined) return { healthy: true, instance };
        await container.stop(5_000);
        return { healthy: false, reason };
      } catch (error) {
        return { healthy: false, reason: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}
export type Instances = ReturnType<typeof createInstances>;

/** The probe of the real thing: over loopback. */
export const probeLoopback: Probe = async (port, check) => {
  const signal = AbortSignal.timeout(check.timeoutSeconds * 1000);
  try {
    await accepted(port, signal);
  } catch {
    return "closed";
  }
  if (check.protocol === "TCP") return "good";
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${check.path}`, { signal, redirect: "manual" });
    await answer.body?.cancel();
    return answer.status >= 200 && answer.status < 400 ? "good" : "bad";
  } catch {
    return "bad";
  }
};

/** Resolves once the port takes a connection; that is all that a TCP check asks. */
async function accepted(port: number, signal: AbortSignal): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect", { signal });
  } finally {
    socket.on("error", () => {}).destroy();
  }
}

/** A port of loopback that is free now. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
