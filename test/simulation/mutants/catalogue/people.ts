import type { Mutant } from "../mutant.ts";

/** What people want, allow and forbid. */
export const people: readonly Mutant[] = [
  {
    name: "enough-people",
    guard: "as many people have to approve as the environment demands",
    file: "core/approval.ts",
    from: "all.length >= demands.count",
    to: "all.length >= 1",
    besides: [
      {
        file: "core/approval.ts",
        from: "approval.digest === digest && approval.given.length >= demands.count",
        to: "approval.digest === digest",
      },
    ],
  },
  {
    name: "not-by-the-requester",
    guard: "who made it does not approve it",
    file: "core/approval.ts",
    from: "!demands.selfApproval && requester !== undefined && isNamed(word.person, requester)",
    to: "false",
  },
  {
    name: "rejected",
    guard: "what a person rejected is not brought",
    among: { deeds: ["answer"] },
    file: "core/approval.ts",
    from: `if (rejected !== undefined) return "rejected";`,
    to: "",
  },
  {
    name: "freeze",
    guard: "nothing begins in a freeze",
    file: "core/freeze.ts",
    from: "if (first === undefined) return { frozen: false };",
    to: "return { frozen: false };",
  },
  {
    name: "stopped-line",
    guard: "nothing begins in a stopped line",
    file: "core/turn.ts",
    from: `if (stopped !== undefined) return { kind: "wait", why: describeStopped(environment, stopped) };`,
    to: "",
    besides: [
      {
        file: "core/turn.ts",
        from: "if (stopped !== undefined) return describeStopped(environment, stopped);",
        to: "",
      },
      { file: "aws/dynamodb.ts", from: " AND attribute_not_exists(stopped)", to: "" },
    ],
  },
  {
    name: "closed-since-the-turn",
    guard: "nothing begins in a freeze or a stopped line that came after its turn was given",
    among: { themes: ["a freeze that comes between the turn and the lease"] },
    file: "core/lease.ts",
    from: "if (brings(intent) && closed !== undefined)",
    to: "if (false)",
  },
  {
    name: "cancelled",
    guard: "what was cancelled goes no further",
    among: { deeds: ["cancel"] },
    file: "core/cancel.ts",
    from: "if (deployment === undefined) return release.cancelled;",
    to: "if (deployment === undefined || deployment !== null) return undefined;",
  },
  {
    name: "approval-of-a-retry",
    guard: "a retry asks nobody again who has said no",
    among: { themes: ["people who can hardly be asked"] },
    file: "core/approval.ts",
    from: "if (waiting.some(isOwn)) return existing;",
    to: "",
  },
];
