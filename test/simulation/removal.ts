import type { InvocationResult } from "../../local/lambda/function.ts";
import type { SimulatedWorld } from "./world.ts";

/** What Pulumi does to an `aws.lambda.Invocation` whose scope is CRUD. */
export type Action = "create" | "update" | "delete";

/** Calls the function that clears the environments as Pulumi does, and waits for its answer. */
export async function removeInstallation(
  { aws, clock, made, provisioning }: SimulatedWorld,
  action: Action = "delete",
): Promise<InvocationResult> {
  const { removal } = provisioning.application;
  if (removal === undefined) throw new Error("this installation keeps what its releases made");
  const event = { ...removal.released, tf: { action, prev_input: removal.released } };
  return clock.runUntil(aws.lambda.invoke(made.functions[removal.function] ?? "", JSON.stringify(event)));
}
