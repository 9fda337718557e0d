import * as z from "zod/mini";
import { FreezeWindow } from "../core/config.ts";
import type { Freeze } from "../core/freeze.ts";
import { findFreezes as occurrencesOf } from "../core/freeze-windows.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.object({ windows: z.array(FreezeWindow) });

/** A deployment waits 14 days for its turn at most, and is not there yet. */
const horizonMilliseconds = 15 * 24 * 3_600_000;

/**
 * Reckons, by the calendar, when an environment is frozen in the days in which a deployment may wait for its turn.
 * Once and here: others that look at its turn compare two moments.
 */
export const findFreezes: FunctionDefinition<typeof Input, { freezes: Freeze[] }> = {
  name: "FindFreezes",
  input: Input,
  async run({ windows }, { connection }) {
    const now = connection.now();
    return { freezes: occurrencesOf(windows, now, now + horizonMilliseconds) };
  },
};

export const handler = createHandler(findFreezes);
