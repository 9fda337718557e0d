import { AsyncLocalStorage } from "node:async_hooks";
import { type InvocationResult, platformFailure } from "../../local/lambda/function.ts";

/** One invocation of a function, while it runs. */
export interface Invocation {
  /** `AcquireLease` */
  readonly name: string;
  /** The execution on whose behalf it works, if it is told. */
  readonly execution: string | undefined;
  /** Whether its process is gone: it was killed, or its time was up. */
  isOver(): boolean;
  /** Ends its process in the middle of its work. */
  kill(): void;
}

/** Which invocation runs now. */
export interface Invocations {
  /** The invocation in whose course this is called; undefined outside of any. */
  current(): Invocation | undefined;
  /** Waits for the next invocation of a function. */
  next(name: string): Promise<Invocation>;
  /** Runs a function's work in an invocation; ends with it, or when it is killed. */
  run(
    about: { readonly name: string; readonly event: unknown; readonly timeUp: AbortSignal },
    work: () => Promise<InvocationResult>,
  ): Promise<InvocationResult>;
}

/** @param begin is told of each before it does anything. */
export function createInvocations(begin: (invocation: Invocation) => void = () => {}): Invocations {
  const running = new AsyncLocalStorage<Invocation>();
  const awaited = new Map<string, PromiseWithResolvers<Invocation>>();
  return {
    current: () => running.getStore(),
    next(name) {
      const one = awaited.get(name) ?? Promise.withResolvers<Invocation>();
      awaited.set(name, one);
      return one.promise;
    },
    run({ name, event, timeUp }, work) {
      const { promise: killed, resolve: die } = Promise.withResolvers<InvocationResult>();
      let isOver = false;
      timeUp.addEventListener("abort", () => {
        isOver = true;
      });
      const invocation: Invocation = {
        name,
        execution: executionOf(event),
        isOver() {
          return isOver;
        },
        kill() {
          isOver = true;
          die(platformFailure("Runtime.ExitError", "Error: Runtime exited with error: signal: killed"));
        },
      };
      awaited.get(name)?.resolve(invocation);
      awaited.delete(name);
      begin(invocation);
      return isOver ? killed : Promise.race([running.run(invocation, work), killed]);
    },
  };
}

function executionOf(event: unknown): string | undefined {
  const execution = typeof event === "object" && event !== null && "execution" in event && event.execution;
  return typeof execution === "string" ? execution : undefined;
}
