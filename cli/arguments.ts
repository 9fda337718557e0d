import { parseArgs } from "node:util";
import { renderScenarios, scenarios } from "./scenarios.ts";

/** What `npm start` can be asked. */
export interface StartArguments {
  /** Undefined: 4566, or the next free port. */
  readonly port: number | undefined;
  readonly once: boolean;
  readonly json: boolean;
  /** The name of a scenario, `all` or `list`. */
  readonly scenario: string | undefined;
  readonly folder: string;
  /** Whether what earlier starts kept is deleted first. */
  readonly fresh: boolean;
  /** Undefined: the repository's own. */
  readonly config: string | undefined;
}

/** The command line cannot be used; the message says why and shows the usage. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const usage = `npm start -- [--port N] [--once] [--json] [--scenario NAME|all|list] [--fresh] [--folder DIR] [--config FILE]

  --port N         serve the local AWS on this port (default: 4566, or the next free one)
  --once           exit when the release has ended: 0 if it was released, 1 if not
  --json           print one JSON object as the last line
  --scenario NAME  after a good release, one that goes otherwise; all plays each, list names them
  --fresh          begin anew: delete what earlier starts kept (releases, databases, images)
  --folder DIR     where state is kept (default: .spillway)
  --config FILE    what to release and how (default: spillway.config.ts); it describes the service web`;

const known = [...scenarios.map(({ name }) => name), "all", "list"];

/** @throws UsageError */
export function readArguments(words: readonly string[]): StartArguments {
  const values = parse(words);
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && (!Number.isInteger(port) || port < 1 || port > 65535))
    throw new UsageError(`--port takes a number from 1 to 65535, not "${values.port}".\n\n${usage}`);
  if (values.scenario !== undefined && !known.includes(values.scenario))
    throw new UsageError(
      `There is no scenario "${values.scenario}"; there are\n${renderScenarios()}\n\n${usage}`,
    );
  const { once, json, scenario, fresh, folder, config } = values;
  return { port, once, json, scenario, fresh, folder, config };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        port: { type: "string" },
        once: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        scenario: { type: "string" },
        fresh: { type: "boolean", default: false },
        folder: { type: "string", default: ".spillway" },
        config: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}
