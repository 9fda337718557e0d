import { AwsError } from "../service.ts";

// Spaces, brackets, wildcards, and the special and control characters that AWS's documentation lists.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be found.
const FORBIDDEN = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/;

/** Throws InvalidName unless `name` may name a state machine or an execution: 1 to 80 characters. */
export function checkName(name: string): void {
  if (name !== "" && [...name].length <= 80 && !FORBIDDEN.test(name)) return;
  throw new AwsError(
    "InvalidName",
    `Invalid Name: '${name.slice(0, 100)}'. A name has 1 to 80 characters, without white space, brackets, wildcards or any of "#%\\^|~\`$&,;:/`,
  );
}

export interface ParsedArn {
  readonly kind: string;
  readonly name: string;
  /** The part after the name: an execution's name, a machine's version. */
  readonly qualifier: string | undefined;
}

/** Takes an ARN of Step Functions apart; throws InvalidArn if it is none or of another kind. */
export function parseArn(arn: string, kind: "stateMachine" | "execution"): ParsedArn {
  const match = /^arn:[^:]+:states:[^:]*:[^:]*:([A-Za-z]+):([^:]+)(?::([^:]+))?$/.exec(arn);
  if (!match) throw new AwsError("InvalidArn", `Invalid Arn: 'Invalid ARN prefix: ${arn}'`);
  const [, found = "", name = "", qualifier] = match;
  if (found !== kind || (kind === "execution" && qualifier === undefined)) {
    throw new AwsError("InvalidArn", `Invalid Arn: 'Resource type not valid in this context: ${found}'`);
  }
  return { kind: found, name, qualifier };
}
