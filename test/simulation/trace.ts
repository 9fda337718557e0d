import type { Effect } from "./history.ts";
import type { Plan } from "./plan.ts";
import type { Run } from "./run.ts";

/** All that happened in a world, line by line, for a person who wants to know how it came to that. */
export function traceOf({ plan, history, violations }: Run): string {
  return [
    ...describePlan(plan),
    "",
    ...history.effects.map((effect) => `${clock(effect.at)} ${describe(effect)}`),
    "",
    ...violations.map(({ invariant, says }) => `BROKEN ${invariant}: ${says}`),
  ].join("\n");
}

function describePlan({
  seed,
  theme,
  setting,
  pushes,
  commits = [],
  deeds,
  alarms = [],
  faults,
}: Plan): string[] {
  return [
    `seed ${seed}${theme === undefined ? "" : `, ${theme}`}: ${JSON.stringify(setting)}`,
    ...pushes.map((push) => `  push ${JSON.stringify(push)}`),
    ...commits.map((commit) => `  commit ${JSON.stringify(commit)}`),
    ...deeds.map((deed) => `  deed ${JSON.stringify(deed)}`),
    ...alarms.map((alarm) => `  alarm ${JSON.stringify(alarm)}`),
    `  faults ${JSON.stringify(faults)}`,
  ];
}

/** `00:03:12.500` */
function clock(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(11, 23);
}

function describe(effect: Effect): string {
  switch (effect.kind) {
    case "call":
      return `${effect.by} for ${short(effect.execution ?? "-")}: ${effect.operation} ${said(effect.input)}`;
    case "event":
      if (effect.event.source === "aws.states") {
        const { executionArn, status, error = "", cause = "" } = effect.event.detail;
        return `execution ${short(String(executionArn))} ${status} ${error ?? ""} ${said(cause ?? "")}`;
      }
      return `event ${effect.event["detail-type"]} ${said(effect.event.detail)}`;
    case "push":
      return `pushed ${effect.push.service}:${effect.push.tag} = ${effect.digest}`;
    case "deed":
      return `a person: ${JSON.stringify(effect.deed)}: ${effect.answer}`;
    case "alarm":
      return `the alarm ${effect.alarm} is ${effect.state}`;
    case "asked":
    case "answered": {
      const { who, action, service, environment = "", release = effect.digest ?? "" } = effect;
      const came = effect.kind === "asked" ? "" : `: ${effect.status} ${effect.words}`;
      return `${who} ${effect.kind === "asked" ? "asks" : "is answered"} ${action} ${service} ${environment} ${release}${came}`;
    }
    case "lease":
      return `${short(effect.owner)} takes the lease of ${effect.service} in ${effect.environment}`;
    case "freed":
      return `${short(effect.before)} has the lease of ${effect.service} in ${effect.environment} no more, ${effect.execution === effect.before ? "by itself" : "by another"}`;
    case "closed":
      return `${effect.by} closes ${effect.record}`;
    case "fault":
      return `FAULT ${effect.what} (${effect.place})`;
    case "migration":
      return `migration ${effect.verb} ${effect.phase} in ${effect.database}, schema ${effect.schema}`;
    case "serves":
      return `${effect.url} serves ${effect.image ?? "nothing"}`;
    case "build":
      return `build ${effect.variables.SPILLWAY_BUILD} ${effect.phase} ${effect.status ?? ""}`;
    case "instance":
      return `instance on ${effect.port} ${effect.phase}: ${effect.image}`;
  }
}

function short(arn: string): string {
  return arn.split(":").slice(-2).join(":");
}

/** Without what says nothing new: the request's token, and what is longer than a person reads. */
function said(value: unknown): string {
  return JSON.stringify(value, (key, member) => (key === "taskToken" ? undefined : member)).slice(0, 200);
}
