import { assignedBefore, assignedBy, rules } from "./assignments.ts";
import { readsOf } from "./expressions.ts";
import { allStates, type Scope, type State, scopesIn } from "./states.ts";

/** Errors that AWS itself throws, as machines name them. */
const awsErrors =
  /^(States\.(ALL|Timeout|HeartbeatTimeout|TaskFailed|Permissions|DataLimitExceeded|QueryEvaluationError|NoChoiceMatched|BranchFailed|ExceedToleratedFailureThreshold)|Lambda\.(ServiceException|SdkClientException|TooManyRequestsException|AWSLambdaException|Unknown)|Sandbox\.Timedout|Runtime\.ExitError)$/;

/**
 * What is wrong with a state machine that AWS would take, and that would fail or wait for ever in the night.
 * @param thrown the names of the errors that our functions throw.
 */
export function lint(machine: Scope, thrown: ReadonlySet<string>): string[] {
  const failing = allStates(machine).flatMap(([, { Error: name }]) => (typeof name === "string" ? name : []));
  return lintScope(machine, new Set(), new Set(), new Set([...thrown, ...failing]));
}

function lintScope(
  scope: Scope,
  assignedOutside: ReadonlySet<string>,
  declaredOutside: ReadonlySet<string>,
  thrown: ReadonlySet<string>,
): string[] {
  const before = assignedBefore(scope, assignedOutside);
  const declared = new Set([...declaredOutside, ...Object.values(scope.States).flatMap(assignedBy)]);
  return Object.entries(scope.States).flatMap(([name, state]) => {
    const known = before.get(name);
    if (known === undefined) return [`${name}: no way leads to it`];
    return [
      ...[...readProblems(state, known), ...waitProblems(state), ...errorProblems(state, thrown)],
      ...assignedBy(state)
        .filter((variable) => declaredOutside.has(variable))
        .map((variable) => `assigns $${variable}, which belongs to an outer scope`),
    ]
      .map((problem) => `${name}: ${problem}`)
      .concat(scopesIn(state).flatMap((inner) => lintScope(inner, known, declared, thrown)));
  });
}

/** Every place where a state evaluates expressions, with the members of `$states` that are there. */
function places(state: State): { value: unknown; where: string; has: readonly string[] }[] {
  const { Assign, Output, Catch, Branches, ItemProcessor, ...fields } = state;
  const result = ["Task", "Parallel", "Map"].includes(state.Type) ? ["result"] : [];
  return [
    ...Object.entries(fields).map(([where, value]) => ({ value, where, has: ["input", "context"] })),
    { value: [Assign, Output], where: "Assign or Output", has: ["input", "context", ...result] },
    ...rules(state, "Catch").map((value) => ({
      value,
      where: "Catch",
      has: ["input", "context", "errorOutput"],
    })),
  ];
}

function readProblems(state: State, known: ReadonlySet<string>): string[] {
  return places(state).flatMap(({ value, where, has }) => {
    const { variables, states, unknownFunctions } = readsOf(value);
    return [
      ...[...variables]
        .filter((name) => !known.has(name))
        .map((name) => `${where} reads $${name}, which may have no value here`),
      ...[...states]
        .filter((name) => !has.includes(name))
        .map((name) => `${where} reads $states.${name}, which is not there`),
      ...[...unknownFunctions].map((name) => `${where} calls $${name}, which nobody has`),
    ];
  });
}

function waitProblems({ Resource = "", Arguments, HeartbeatSeconds, TimeoutSeconds }: State): string[] {
  const problems: string[] = [];
  if (
    Resource.endsWith(".waitForTaskToken") &&
    !/\$states\.context\.Task\.Token\b/.test(JSON.stringify(Arguments ?? {}))
  )
    problems.push("waits for a task token that it gives to nobody");
  if (
    typeof HeartbeatSeconds === "number" &&
    typeof TimeoutSeconds === "number" &&
    HeartbeatSeconds >= TimeoutSeconds
  )
    problems.push("its heartbeat is not below its timeout");
  return problems;
}

function errorProblems(state: State, thrown: ReadonlySet<string>): string[] {
  return [...rules(state, "Catch"), ...rules(state, "Retry")]
    .flatMap(({ ErrorEquals }) => (Array.isArray(ErrorEquals) ? ErrorEquals : []))
    .filter((name) => !awsErrors.test(name) && !thrown.has(name))
    .map((name) => `names the error ${name}, which nobody throws`);
}
