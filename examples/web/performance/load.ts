/** One request of a load. */
export interface Sample {
  /** From when it was due, not from when it was sent: if everything waits, that counts. */
  readonly milliseconds: number;
  /** Why it failed, such as "status 503" or "timeout"; undefined if it did not. */
  readonly failure: string | undefined;
}

/** Where a load gets its time from. */
export interface Clock {
  /** Milliseconds; only differences mean something. */
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
}

/**
 * Sends requests at a fixed rate, whether or not the ones before were answered (an open loop, as people do who do
 * not know of each other). A generator that waits for answers slows down with the service and misses its worst times.
 * @param send sends the request of this number; resolves to why it failed, if it did.
 * @returns one sample per request, when the last was answered.
 */
export async function generateLoad(
  clock: Clock,
  load: { readonly requestsPerSecond: number; readonly seconds: number },
  send: (index: number) => Promise<string | undefined>,
): Promise<Sample[]> {
  const beganAt = clock.now();
  const count = Math.max(1, Math.round(load.requestsPerSecond * load.seconds));
  const samples: Promise<Sample>[] = [];
  for (let index = 0; index < count; index++) {
    const dueAt = beganAt + (index * 1_000) / load.requestsPerSecond;
    const early = dueAt - clock.now();
    if (early > 0) await clock.sleep(early);
    samples.push(
      send(index).then((failure) => ({ milliseconds: Math.max(0, clock.now() - dueAt), failure })),
    );
  }
  return Promise.all(samples);
}
