import { parseArgs } from "node:util";
import { type Action, actions, isAction, parametersOf } from "../core/operation.ts";
import { UsageError } from "./arguments.ts";

/** What `npm run operate` is asked. */
export interface OperateArguments {
  /** What goes to the operator's door; or a service whose audit entries are to be listed. */
  readonly ask:
    | { readonly action: Action; readonly members: Readonly<Record<string, string>> }
    | { readonly audit: string };
  /** Whom to be on a laptop, where nobody has a user of AWS. */
  readonly as: string | undefined;
  readonly folder: string;
  readonly prefix: string;
}

export const operateUsage = `npm run operate -- ACTION … --reason "WHY" [--as NAME] [--folder DIR] [--prefix NAME]

${actions.map((action) => `  ${[action, ...wordsOf(action)].join(" ")}`).join("\n")}
  audit SERVICE     who asked for what by hand, and what came of it

  --reason "WHY"    kept with what is done, for those who come later
  --as NAME         on a laptop: who you are, such as ada; in AWS your credentials say it
  --folder DIR      the state folder of npm start (default: .spillway)
  --prefix NAME     what the installation's names begin with (default: spillway)`;

/** `environment`, optional → `[ENVIRONMENT]`. */
function wordsOf(action: Action): string[] {
  return parametersOf(action).map(({ name, optional }) =>
    optional ? `[${name.toUpperCase()}]` : name.toUpperCase(),
  );
}

/** @throws UsageError */
export function readOperateArguments(words: readonly string[]): OperateArguments {
  const { values, positionals } = parse(words);
  const { as, folder, prefix, reason } = values;
  const [action, ...subjects] = positionals;
  const [service, ...more] = subjects;
  if (action === "audit" && service !== undefined && more.length === 0)
    return { ask: { audit: service }, as, folder, prefix };
  if (action === "audit") throw usage("audit takes SERVICE.");
  if (!isAction(action))
    throw usage(action === undefined ? "Say what is to be done." : `There is no ${action}.`);
  const parameters = parametersOf(action);
  const least = parameters.filter(({ optional }) => !optional).length;
  if (subjects.length < least || subjects.length > parameters.length)
    throw usage(`${action} takes ${wordsOf(action).join(" ")}.`);
  const members = Object.fromEntries(
    parameters.slice(0, subjects.length).map(({ name }, index) => [name, subjects[index] ?? ""]),
  );
  return {
    ask: { action, members: reason === undefined ? members : { ...members, reason } },
    as,
    folder,
    prefix,
  };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        reason: { type: "string" },
        as: { type: "string" },
        folder: { type: "string", default: ".spillway" },
        prefix: { type: "string", default: "spillway" },
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function usage(problem: string): UsageError {
  return new UsageError(`${problem}\n\n${operateUsage}`);
}
