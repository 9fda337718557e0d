import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { log } from "./log.ts";
import { createLinkServer } from "./server.ts";
import { readSettings } from "./settings.ts";
import { openStore } from "./store.ts";

// Less than the half minute that ECS and App Runner wait between SIGTERM and SIGKILL.
const LONGEST_STOP_MILLISECONDS = 20_000;
const WARM_UP_MILLISECONDS = 8_000;

/** Stands for what many a service loads before its first answer: a list of blocked hosts, a model, a cache. */
async function warmUp(): Promise<void> {
  log("info", "warming up", { milliseconds: WARM_UP_MILLISECONDS });
  await wait(WARM_UP_MILLISECONDS);
}

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const store = await openStore(settings.databaseUrl, settings.databaseCa);
  if (process.env.NODE_ENV === "production") await warmUp();
  const server = createLinkServer(store, settings.commit);
  server.listen(settings.port, settings.host);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : settings.port;
  log("info", "listening", { port, commit: settings.commit });

  const stop = async (signal: NodeJS.Signals) => {
    log("info", "stopping", { signal });
    setTimeout(() => {
      log("error", "requests did not end in time", { milliseconds: LONGEST_STOP_MILLISECONDS });
      process.exit(1);
    }, LONGEST_STOP_MILLISECONDS).unref();
    // Stops accepting, closes idle connections, and waits for the requests under way.
    server.close();
    await once(server, "close");
    await store.close();
    log("info", "stopped");
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

main().catch((error: unknown) => {
  log("error", "cannot start", { error: error instanceof Error ? error.message : "unknown" });
  process.exit(1);
});
