import type { Mutant } from "../mutant.ts";

/** Who may change an environment, and when. */
export const lease: readonly Mutant[] = [
  {
    name: "lease-held",
    guard: "who holds the lease keeps it while it works",
    among: { themes: ["people who go back", "long watches"] },
    file: "core/lease.ts",
    from: `if (lease !== undefined && !isQuiet(holder.quietSince, now)) return { decision: "wait", holder: lease };`,
    to: "",
  },
  {
    name: "lease-condition",
    guard: "of two that take the lease at the same moment one gets it",
    among: { unlucky: ["AcquireLease"] },
    file: "aws/dynamodb.ts",
    from: "`(attribute_not_exists(fence) OR fence = :before)$" + "{isNext",
    to: "`(attribute_exists(pk) OR fence = :before)$" + "{isNext",
  },
  {
    name: "takeover-from-the-living",
    guard: "the lease is taken over only from an execution that has ended",
    among: { themes: ["long watches", "a turn that passes"] },
    file: "functions/takeover.ts",
    from: `const end = await connectExecutions(place.connection).describe(lease.owner);
  if (end?.endedAt === undefined) return undefined;`,
    to: `const found = await connectExecutions(place.connection).describe(lease.owner);
  if (found === undefined) return undefined;
  const end = { ...found, endedAt: found.endedAt ?? 0 };`,
  },
  {
    name: "takeover-while-at-work",
    guard: "the lease is not taken over while something that its owner began goes on",
    among: { themes: ["executions that are broken off"] },
    file: "functions/takeover.ts",
    from: `if (current !== undefined && (await isAtWork(place, records, { ...current, environment })))
    return undefined;`,
    to: "",
  },
  {
    name: "takeover-at-once",
    guard: "the lease is not taken over while a function of its owner may be at work",
    among: { themes: ["executions that are broken off"] },
    file: "core/lease.ts",
    from: "quietSince !== undefined && now - quietSince > functionTimeoutSeconds * 1000",
    to: "quietSince !== undefined",
  },
  {
    name: "lease-of-a-retry",
    guard: "a retry finds the lease that its first try took",
    among: { unlucky: ["AcquireLease"] },
    file: "core/lease.ts",
    from: `if (lease?.owner === wish.owner) return { decision: "keep", lease };`,
    to: "",
  },
  {
    name: "lease-before-a-change",
    guard: "who has lost the lease tells the database and the target nothing more",
    among: { themes: ["a recovery that meets what it recovers"] },
    file: "functions/deployment.ts",
    from: "if (lease?.owner === executionArn) return;",
    to: "return;",
  },
  {
    name: "release-of-the-lease",
    guard: "the lease is given back at the end",
    file: "functions/release-lease.ts",
    from: "if (lease?.owner !== input.execution) return { released: false };",
    to: "if (lease !== undefined) return { released: false };",
  },
  {
    name: "release-of-anothers-lease",
    guard: "nobody gives back the lease of another",
    among: { unlucky: ["ReleaseLease"] },
    file: "aws/dynamodb.ts",
    from: `const isOwn = "lease.fence = :fence"`,
    to: `const isOwn = "(attribute_exists(lease) OR lease.fence = :fence)"`,
  },
  {
    name: "leases-of-the-ended",
    guard: "a lease is freed whose owner ended before it gave it back",
    among: { themes: ["a lease that cannot be given back"] },
    file: "functions/takeover.ts",
    from: "const after = await records.releaseLease(service, environment, end);",
    to: "const after = undefined;",
  },
  {
    name: "turn-given-while-held",
    guard: "nobody gets a turn while another has the lease",
    among: { themes: ["long watches"] },
    file: "core/turn.ts",
    from: "if (lease !== undefined)",
    to: "if (false)",
  },
  {
    name: "newest-in-line",
    guard: "the newest has the place in line",
    among: { themes: ["builds that come late"] },
    file: "core/turn.ts",
    from: 'comesAfter(own, next)) return { decision: "enter"',
    to: 'comesAfter(next, own)) return { decision: "enter"',
  },
  {
    name: "turn-of-the-next",
    guard: "the next in line has its turn as soon as the lease is given back",
    file: "functions/release-lease.ts",
    from: "await giveTurn(place, after ?? (await records.environment(service, environment)));",
    to: "",
  },
];
