import { AwsError } from "../service.ts";
import { type EventFields, eventFields, type Occurrence } from "./event-fields.ts";
import { JsonTextError } from "./json-reader.ts";
import { MatcherTextError } from "./matchers.ts";
import { type Branch, type Condition, parsePattern } from "./pattern-parser.ts";

/** An event pattern that has been checked and can be asked. */
export interface CompiledPattern {
  /** Whether the pattern matches an event, given as a parsed JSON object. */
  matches(event: unknown): boolean;
  /** The same of an event whose fields are known already: every event is compared with every rule of its bus. */
  matchesFields(fields: EventFields): boolean;
  /** Whether it matches as far as an event's own members go: where it comes from, its type, what it is about. */
  mayMatch(fields: EventFields): boolean;
}

/**
 * Compiles an event pattern as EventBridge does (docs.aws.amazon.com/eventbridge, content filtering; the
 * behaviour of its published matcher, event-ruler). Throws AwsError InvalidEventPatternException with
 * EventBridge's message.
 */
export function compilePattern(patternText: string): CompiledPattern {
  const branches = parse(patternText).map((branch) => [...branch]);
  const ofMembers = branches.map((branch) => branch.filter(([name]) => !name.includes(".")));
  const matchesFields = (fields: EventFields) => branches.some((branch) => matchesBranch(branch, fields));
  return {
    matches: (event) => matchesFields(eventFields(event)),
    matchesFields,
    mayMatch: (fields) => ofMembers.some((branch) => matchesBranch(branch, fields)),
  };
}

function parse(patternText: string): readonly Branch[] {
  try {
    return parsePattern(patternText);
  } catch (error) {
    if (error instanceof JsonTextError || error instanceof MatcherTextError) {
      const message = `Event pattern is not valid. Reason: ${error.message}`;
      throw new AwsError("InvalidEventPatternException", message);
    }
    throw error;
  }
}

function matchesBranch(branch: readonly (readonly [string, Condition])[], fields: EventFields): boolean {
  const candidates: Occurrence[][] = [];
  for (const [name, condition] of branch) {
    const occurrences = fields.get(name) ?? [];
    if (condition.mayBeAbsent && occurrences.length === 0) continue;
    const matching = occurrences.filter(({ value }) => condition.matchers.some((matches) => matches(value)));
    if (matching.length === 0) return false;
    candidates.push(matching);
  }
  return isConsistent(candidates, 0, new Map());
}

/**
 * Whether one candidate per field can be chosen so that no two come from different elements of the same array.
 * Fields outside arrays have nothing to contradict, so the search is short.
 */
function isConsistent(
  candidates: readonly (readonly Occurrence[])[],
  index: number,
  chosen: ReadonlyMap<number, number>,
): boolean {
  const current = candidates[index];
  if (!current) return true;
  return current.some(({ elements }) => {
    for (const [array, element] of elements) {
      if ((chosen.get(array) ?? element) !== element) return false;
    }
    return isConsistent(candidates, index + 1, new Map([...chosen, ...elements]));
  });
}
