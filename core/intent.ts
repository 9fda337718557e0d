import * as z from "zod/mini";
import { SpillwayError } from "./errors.ts";
import { listProblems, parse } from "./parse.ts";

/** What an execution of the deploy machine is for. */
export const Intent = z.enum(["deploy", "promote", "rollback", "recover"]);
export type Intent = z.infer<typeof Intent>;

/** Whether a release comes that was not there: checked before, migrated for, verified after. */
export function brings(intent: Intent): boolean {
  return intent === "deploy" || intent === "promote";
}

const startedByKey = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID";

const Reason = z.optional(z.string().check(z.minLength(1), z.maxLength(500)));
const common = {
  /** Why a person wants it; kept on the record. */
  reason: Reason,
  /** Step Functions' own: the execution that started this one. */
  [startedByKey]: z.optional(z.string()),
};

/** A person says that it be done although something speaks against it, and why. */
const Force = z.optional(z.boolean());

const shapes = {
  deploy: z.strictObject({
    intent: z.literal("deploy"),
    release: z.string(),
    environment: z.string(),
    force: Force,
    ...common,
  }),
  promote: z.strictObject({
    intent: z.literal("promote"),
    service: z.string(),
    from: z.string(),
    to: z.string(),
    force: Force,
    ...common,
  }),
  rollback: z.strictObject({
    intent: z.literal("rollback"),
    service: z.string(),
    environment: z.string(),
    /** The release to go back to; the one that was live before unless said. */
    to: z._default(z.string(), "previous"),
    ...common,
  }),
  recover: z.strictObject({
    intent: z.literal("recover"),
    service: z.string(),
    environment: z.string(),
    ...common,
  }),
} as const;

const examples: Readonly<Record<Intent, string>> = {
  deploy: '{"intent":"deploy","release":"web-3f2a91c0d4e5-1","environment":"production"}',
  promote: '{"intent":"promote","service":"web","from":"staging","to":"production"}',
  rollback:
    '{"intent":"rollback","service":"web","environment":"production"}, with "to":"web-3f2a91c0d4e5-1" for a release that is not the one before',
  recover: '{"intent":"recover","service":"web","environment":"production"}',
};

type Wish =
  | { readonly intent: "deploy"; readonly release: string; readonly environment: string }
  | { readonly intent: "promote"; readonly service: string; readonly from: string; readonly to: string }
  | {
      readonly intent: "rollback";
      readonly service: string;
      readonly environment: string;
      readonly to: string;
    }
  | { readonly intent: "recover"; readonly service: string; readonly environment: string };

/** What an execution of the deploy machine was asked for. */
export type DeploymentRequest = Wish & {
  readonly reason: string | undefined;
  readonly force: boolean;
  /** The execution that started it; undefined when a person did. */
  readonly startedBy: string | undefined;
};

/**
 * Reads the input of an execution of the deploy machine.
 * @throws SpillwayError InvalidInput with what is wrong and inputs that are right.
 */
export function readIntent(input: unknown): DeploymentRequest {
  const asked = typeof input === "object" && input !== null && "intent" in input ? input.intent : undefined;
  const intent = Intent.safeParse(asked).data;
  if (intent === undefined) {
    const came =
      asked === undefined ? "there is no intent" : `there is no intent ${JSON.stringify(asked).slice(0, 60)}`;
    throw new SpillwayError(
      "InvalidInput",
      `${came}; a deployment starts from one of these inputs: ${Object.values(examples).join("; or ")}.`,
    );
  }
  const {
    reason,
    [startedByKey]: startedBy,
    ...wish
  } = parse(
    shapes[intent],
    input,
    (problems) =>
      new SpillwayError(
        "InvalidInput",
        `${listProblems(problems, "input")}; for example ${examples[intent]}.`,
      ),
  );
  const force = "force" in wish && wish.force === true;
  requireReason(force, reason);
  return { ...wish, force, reason, startedBy };
}

/** @throws SpillwayError InvalidInput: who overrides a check says why. */
export function requireReason(force: boolean, reason: string | undefined): void {
  if (force && reason === undefined)
    throw new SpillwayError(
      "InvalidInput",
      '"force" overrides a check, so it needs a "reason" that is kept on the record: add "reason":"…".',
    );
}
