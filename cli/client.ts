import { type Clock, sleep } from "../local/asl/clock.ts";

/** What a client of the service saw. */
export interface Tally {
  readonly requests: number;
  readonly failed: number;
  /** HTTP status, or "no answer" → how often. */
  readonly answers: Readonly<Record<string, number>>;
}

/** Asks a URL again and again, as a user of the service would, until it is told to stop. */
export function pollService(
  clock: Clock,
  url: string,
  pauseMilliseconds: number,
): { stop(): Promise<Tally> } {
  const stopping = new AbortController();
  const answers: Record<string, number> = {};
  let failed = 0;
  const ask = async () => {
    while (!stopping.signal.aborted) {
      const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) })
        .then(async (response) => {
          await response.body?.cancel();
          return response.status;
        })
        .catch(() => "no answer" as const);
      answers[answer] = (answers[answer] ?? 0) + 1;
      if (typeof answer !== "number" || answer >= 400) failed++;
      await sleep(clock, pauseMilliseconds, stopping.signal).catch(() => undefined);
    }
  };
  const asking = ask();
  return {
    async stop() {
      stopping.abort();
      await asking;
      return { requests: Object.values(answers).reduce((sum, count) => sum + count, 0), failed, answers };
    },
  };
}
