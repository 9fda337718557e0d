import * as z from "zod/mini";
import { readCancel } from "../core/cancel.ts";
import type { Cancellation } from "../core/records.ts";
import { cancelRelease as cancel } from "./cancelling.ts";
import { createHandler, type FunctionDefinition } from "./middleware.ts";

const Input = z.object({ execution: z.string(), input: z.unknown() });

/** Cancels the release that an execution was started to cancel. */
export const cancelRelease: FunctionDefinition<typeof Input, { release: string; cancelled: Cancellation }> = {
  name: "CancelRelease",
  input: Input,
  async run({ execution, input }, place) {
    return cancel(place, { ...readCancel(input), by: execution });
  },
};

export const handler = createHandler(cancelRelease);
