import * as z from "zod/mini";
import { SpillwayError } from "../core/errors.ts";
import { parse } from "../core/parse.ts";

const Variables = z.object({
  /** The table that holds the records. */
  SPILLWAY_TABLE: z.string().check(z.minLength(3)),
  AWS_REGION: z.string().check(z.minLength(1)),
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
  const { SPILLWAY_TABLE, AWS_REGION } = parse(Variables, variables, (missing) => {
    const names = missing.map(({ path }) => path).join(", ");
    return new SpillwayError("InvalidConfig", `The function lacks ${names}; deploy the installation again.`);
  });
  return { table: SPILLWAY_TABLE, region: AWS_REGION };
}
