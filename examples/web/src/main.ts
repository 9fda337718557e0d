import { once } from "node:events";
import { log } from "./log.ts";
import { createLinkServer } from "./server.ts";
import { readSettings } from "./settings.ts";
import { openStore } from "./store.ts";

// Less than the half minute that ECS and App Runner wait between SIGTERM and SIGKILL.
const LONGEST_STOP_MILLISECONDS = 20_000;

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const store = await openStore(settings.databaseUrl, settings.databaseCa);
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
