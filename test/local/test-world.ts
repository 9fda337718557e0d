import type { Clock } from "../../local/asl/clock.ts";
import type { ServiceEvent, World } from "../../local/world.ts";

/** A world for one service under test: numbered randomness, and every event it emits kept in `events`. */
export function createTestWorld(
  clock: Clock,
  folder = "/nowhere",
): World & { readonly events: ServiceEvent[] } {
  const events: ServiceEvent[] = [];
  let seed = 1;
  return {
    clock,
    random: () => {
      seed = (seed * 48_271) % 0x7fffffff;
      return seed / 0x7fffffff;
    },
    accountId: "000000000000",
    region: "eu-central-1",
    endpoint: () => "http://127.0.0.1:4566",
    folder,
    events,
    // As on a bus, an event is a copy: what happens later does not change it.
    emit: (event) => void events.push(structuredClone(event)),
  };
}

/** A log sink that keeps every line, by `GROUP STREAM`. */
export function createTestLogs() {
  const written: { group: string; stream: string; line: string }[] = [];
  return {
    written,
    write: (group: string, stream: string, line: string) => void written.push({ group, stream, line }),
    lines: () => written.map(({ line }) => line),
  };
}
