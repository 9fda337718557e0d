import type { Fields } from "./fields.ts";
import { isObject, typeName } from "./json.ts";
import { parseState } from "./parse-state.ts";
import type { Problems } from "./problems.ts";
import type { TaskResource } from "./resource.ts";
import type { Flow, State } from "./state-machine.ts";

/** What the parsing of a flow knows of the machine around it. */
export interface FlowContext {
  readonly problems: Problems;
  /** The machine's: a state may choose JSONata where it is JSONPath, not the other way round. */
  readonly queryLanguage: "JSONata" | "JSONPath";
  readonly isKnownResource: (resource: TaskResource) => boolean;
  /** Where each state name was first seen: names are unique in the whole machine. */
  readonly seenNames: Map<string, string>;
}

/** Compiles StartAt and States, and checks that every transition has a target and every state a way to it. */
export function parseFlow(fields: Fields, context: FlowContext): Flow {
  const startAt = fields.required("StartAt");
  const object = fields.raw("States");
  const states = new Map<string, State>();
  if (object === undefined) {
    fields.problem("These fields are required: [States]");
    return { startAt, states };
  }
  if (!isObject(object) || Object.keys(object).length === 0) {
    fields.problem("Expected an object of at least one state", "States");
    return { startAt, states };
  }
  for (const [name, value] of Object.entries(object)) {
    const location = `${fields.at("States")}/${name}`;
    checkName(name, location, context);
    if (!isObject(value)) {
      context.problems.schema(`Expected value of type object, but got ${typeName(value)}`, location);
      continue;
    }
    const state = parseState(name, value, context, location);
    if (state) states.set(name, state);
  }
  const isWhole = states.size === Object.keys(object).length;
  checkTransitions(fields, startAt, new Set(Object.keys(object)), states, isWhole, context.problems);
  return { startAt, states };
}

function checkName(name: string, location: string, context: FlowContext): void {
  if (name === "" || [...name].length > 80) {
    context.problems.schema("A state name has between 1 and 80 characters", location);
  }
  const other = context.seenNames.get(name);
  if (other !== undefined) {
    const message = `Duplicate State name: ${name}, which is also at ${other}`;
    context.problems.add("DUPLICATE_STATE_NAME", message, location);
  } else context.seenNames.set(name, location);
}

function checkTransitions(
  fields: Fields,
  startAt: string,
  names: ReadonlySet<string>,
  states: ReadonlyMap<string, State>,
  isWhole: boolean,
  problems: Problems,
): void {
  const reached = new Set<string>();
  const check = (target: string, location: string, field: string) => {
    if (target === "") return;
    if (names.has(target)) reached.add(target);
    else problems.add("MISSING_TRANSITION_TARGET", `Missing '${field}' target: ${target}`, location);
  };
  check(startAt, fields.at("StartAt"), "StartAt");
  for (const state of states.values()) {
    for (const { target, place, field } of transitions(state)) {
      check(target, `${fields.at("States")}/${state.name}/${place}`, field);
    }
  }
  // Where a state could not be compiled, its transitions are unknown: what it leads to may be reachable.
  if (!isWhole) return;
  const open = [startAt];
  const reachable = new Set<string>();
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const state = states.get(name);
    if (!state || reachable.has(name)) continue;
    reachable.add(name);
    open.push(...transitions(state).map(({ target }) => target));
  }
  for (const name of names) {
    if (reachable.has(name)) continue;
    problems.add("UNREACHABLE_STATE", `State "${name}" is not reachable`, `${fields.at("States")}/${name}`);
  }
}

interface Transition {
  readonly target: string;
  readonly place: string;
  readonly field: string;
}

function transitions(state: State): Transition[] {
  if (state.type === "Fail") return [];
  if (state.type === "Choice") {
    const rules = state.rules.map(({ next }, index) => ({
      target: next,
      place: `Choices[${index}]/Next`,
      field: "Next",
    }));
    const fallback = state.fallback
      ? [{ target: state.fallback.next, place: "Default", field: "Default" }]
      : [];
    return [...rules, ...fallback];
  }
  const next = state.next === undefined ? [] : [{ target: state.next, place: "Next", field: "Next" }];
  if (!("catchers" in state)) return next;
  const caught = state.catchers.map((catcher, index) => ({
    target: catcher.next,
    place: `Catch[${index}]/Next`,
    field: "Next",
  }));
  return [...next, ...caught];
}
