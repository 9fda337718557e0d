import type { Front } from "../../local/apprunner/front.ts";
import type { Answer, HealthCheck } from "../../local/apprunner/instance.ts";
import { type Clock, sleep } from "../../local/asl/index.ts";
import type { ContainerRequest, RunningContainer } from "../../local/containers.ts";
import type { Behaviour, Behaviours } from "./behaviour.ts";
import type { Seams } from "./seams.ts";

/** The running services: instances by port, and the addresses at which the world reaches them. */
export function createServices(clock: Clock, behaviours: Behaviours, effect: Seams["effect"]) {
  const fronts = new Map<string, number | undefined>();
  const ports = new Map<number, string>();
  const counters = new Map<string, (status: number) => void>();
  let lastPort = 10_000;

  const imageAt = (url: string | undefined) => {
    const port = fronts.get(url ?? "");
    return port === undefined ? undefined : ports.get(port);
  };

  /** Its users come each minute, as long as it serves at that address. */
  function use(url: string, port: number | undefined): void {
    const image = ports.get(port ?? 0);
    const { users } = (image === undefined ? undefined : behaviours.ofImage(image)?.behaviour) ?? {};
    if (users === undefined) return;
    clock.after(60_000, () => {
      if (fronts.get(url) !== port) return;
      for (let request = 0; request < users.perMinute; request++)
        counters.get(url)?.(request < (users.failing ?? 0) ? 500 : 200);
      use(url, port);
    });
  }

  return {
    imageAt,
    freePort: async () => ++lastPort,

    run({ image, environment, onLine }: ContainerRequest): RunningContainer {
      const port = Number(environment.PORT);
      const { promise: exited, resolve } = Promise.withResolvers<{ exitCode: number | null }>();
      const end = (how: { exitCode: number | null }) => {
        ports.delete(port);
        effect?.({ kind: "instance", phase: "ended", image, port });
        resolve(how);
      };
      effect?.({ kind: "instance", phase: "begun", image, port });
      const { startSeconds, crashesOnStart, prints = [] } = behaviours.ofImage(image)?.behaviour ?? {};
      const listen = () => void ports.set(port, image);
      if (startSeconds === undefined) listen();
      else if (crashesOnStart !== true) clock.after(startSeconds * 1000, listen);
      if (crashesOnStart === true)
        clock.after((startSeconds ?? 0.1) * 1000, () => {
          for (const line of prints) onLine(line);
          onLine("Error: Cannot find module 'pg'");
          end({ exitCode: 1 });
        });
      return {
        exited,
        stop: async () => {
          await sleep(clock, 50);
          end({ exitCode: null });
        },
      };
    },

    openFront(onAnswer: (status: number) => void = () => {}): Front {
      const url = `http://service-${fronts.size}`;
      counters.set(url, onAnswer);
      fronts.set(url, undefined);
      return {
        url,
        switchTo: (port) => {
          fronts.set(url, port);
          effect?.({ kind: "serves", url, image: imageAt(url) });
          use(url, port);
        },
        drained: async () => {},
        close: async () => {},
      };
    },

    async probe(port: number, check: HealthCheck): Promise<Answer> {
      const image = ports.get(port);
      if (image === undefined) return "closed";
      const { probeStatus = 200 } = behaviours.ofImage(image)?.behaviour ?? {};
      return check.protocol === "TCP" || probeStatus < 400 ? "good" : "bad";
    },

    /** What the world gets that asks for the health path. */
    async answer(url: URL): Promise<Response> {
      const response = await this.respond(url);
      counters.get(url.origin)?.(response.status);
      return response;
    },

    async respond(url: URL): Promise<Response> {
      const image = imageAt(url.origin);
      if (image === undefined) return new Response("nobody serves", { status: 503 });
      const { tag = "", behaviour = {} } = behaviours.ofImage(image) ?? {};
      if (behaviour.healthSeconds !== undefined) await sleep(clock, behaviour.healthSeconds * 1000);
      if (behaviour.unreachable === true) throw new TypeError("fetch failed");
      if (isIll(behaviour, clock.now())) return new Response("ill", { status: 500 });
      const body = behaviour.healthBody ?? JSON.stringify({ status: "ok", commit: tag });
      return new Response(body, { status: behaviour.healthStatus ?? 200 });
    },

    /** The tag of what serves at an address, or at the first that serves anything. */
    tagAt(url = [...fronts.keys()].find((front) => fronts.get(front) !== undefined)): string | undefined {
      const image = imageAt(url);
      return image === undefined ? undefined : behaviours.ofImage(image)?.tag;
    },
  };
}

function isIll({ failsFrom, wellFrom, flapSeconds }: Behaviour, now: number): boolean {
  const flaps = flapSeconds !== undefined && Math.floor(now / (flapSeconds * 1000)) % 2 === 1;
  const fails = failsFrom !== undefined && now >= failsFrom;
  return flaps || fails || (wellFrom !== undefined && now < wellFrom);
}
