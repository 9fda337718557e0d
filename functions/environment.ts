import * as z from "zod";
import { SpillwayError } from "../core/errors.ts";

const Variables = z.object({
  /** The table that holds the records. */
  SPILLWAY_TABLE: z.string().min(3),
  AWS_REGION: z.string().min(1),
});

/** What a function is told by its installation. */
export interface Environment {
  readonly table: string;
  readonly region: string;
}

/**
 * Reads the environment variables of a function.
 * @throws SpillwayError InvalidConfig naming the missing variable.
 */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const parsed = Variables.safeParse(variables);
  if (parsed.success) return { table: parsed.data.SPILLWAY_TABLE, region: parsed.data.AWS_REGION };
  const missing = parsed.error.issues.map(({ path }) => path.join(".")).join(", ");
  throw new SpillwayError("InvalidConfig", `The function lacks ${missing}; deploy the installation again.`);
}
