/** Everything that was started and is to be ended, last first, whenever the end comes. */
export class Ending {
  readonly #steps: (() => Promise<unknown>)[] = [];
  readonly #begun = new AbortController();
  #done: Promise<void> | undefined;

  /** Aborted when the end begins: what is still starting gives up. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /**
   * Takes a thing over while it is still starting, so that no failure beside it and no signal meanwhile leaves it
   * behind: the end waits for its start and then ends it.
   * @throws EndedError if the end began before it was there.
   */
  async own<Thing>(starting: Promise<Thing>, end: (thing: Thing) => Promise<unknown>): Promise<Thing> {
    const stop = () => starting.then(end, () => undefined);
    if (this.#done === undefined) this.#steps.push(stop);
    else void stop().catch(() => undefined);
    const thing = await starting;
    if (this.signal.aborted) throw new EndedError();
    return thing;
  }

  /** Ends everything. Whoever asks again waits for the same end. Never rejects. */
  run(): Promise<void> {
    this.#done ??= this.#run();
    return this.#done;
  }

  async #run(): Promise<void> {
    this.#begun.abort(new EndedError());
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop())
      await step().catch(() => undefined);
  }
}

/** The command was told to end before it was done. */
export class EndedError extends Error {
  override readonly name = "EndedError";
  constructor() {
    super("The command was ended before it was done.");
  }
}
