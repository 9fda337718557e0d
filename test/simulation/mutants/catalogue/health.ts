import type { Mutant } from "../mutant.ts";

/** How what serves is judged, and what follows from it. */
export const health: readonly Mutant[] = [
  {
    name: "cannot-be-told",
    guard: "a service that does not answer is not called unhealthy",
    file: "core/health.ts",
    from: `look.answered && !good ? "unhealthy" : "inconclusive"`,
    to: `"unhealthy"`,
  },
  {
    name: "not-well-is-ill",
    guard: "a complaint counts against a service",
    file: "core/health.ts",
    from: "const good = look.answered && look.complaint === undefined;",
    to: "const good = look.answered;",
  },
  {
    name: "quarantine",
    guard: "a digest in quarantine is refused",
    among: { themes: ["people who insist"] },
    file: "core/quarantine.ts",
    from: "if (quarantine === undefined || quarantine.lifted !== undefined || !brings(intent)) return undefined;",
    to: "if (quarantine !== null || quarantine.lifted !== undefined || !brings(intent)) return undefined;",
  },
  {
    name: "word-by-force",
    guard: "a person's force lets a digest come that is in quarantine",
    file: "core/quarantine.ts",
    from: "if (forced !== undefined && forced >= quarantine.since) return undefined;",
    to: "",
  },
  {
    name: "lifted-quarantine",
    guard: "a digest comes again whose quarantine was lifted",
    file: "core/quarantine.ts",
    from: "quarantine === undefined || quarantine.lifted !== undefined",
    to: "quarantine === undefined",
  },
  {
    name: "put-in-quarantine",
    guard: "a digest that was taken back as unhealthy is in quarantine",
    among: { themes: ["people who insist"] },
    file: "functions/record-deployment.ts",
    from: "if (isProvenIll(one.deployment, one.failures, one.outcome))",
    to: "if (false)",
  },
  {
    name: "hold",
    guard: "no push brings what is not newer than what was taken back",
    among: { themes: ["builds that come late"] },
    file: "core/hold.ts",
    from: "if (hold === undefined || !automatic || release.sequence > hold.sequence) return undefined;",
    to: "if (hold !== null || !automatic || release.sequence > hold.sequence) return undefined;",
  },
  {
    name: "bake-that-cannot-tell",
    guard: "what too few used is not called healthy",
    file: "core/bake.ts",
    from: `verdict: over ? "inconclusive" : undefined`,
    to: `verdict: over ? "healthy" : undefined`,
  },
  {
    name: "alarm-that-rings",
    guard: "what an alarm rings for is taken back, though it falls silent again",
    file: "core/bake.ts",
    from: `state === "ALARM" && (since ?? 0) >= switchedAt`,
    to: "false",
  },
  {
    name: "alarm-at-the-end",
    guard: "what an alarm does not call well at its end is not called healthy",
    file: "core/bake.ts",
    from: `...alarms.filter(({ state }) => state !== "OK").map(describeAlarm),`,
    to: "",
  },
  {
    name: "complaints-of-users",
    guard: "what its users complain about is taken back",
    among: { rules: ["bake"] },
    file: "core/bake.ts",
    from: "rate > errorPercent;",
    to: "rate > 100;",
  },
  {
    name: "drift-of-our-own",
    guard: "what a deployment changes is not called a drift",
    file: "core/drift.ts",
    from: `if (live === undefined || lease !== undefined || frozen !== undefined) return false;
  return now - (freed?.at ?? 0) > 2 * functionTimeoutSeconds * 1000;`,
    to: "return live !== undefined && frozen === undefined;",
    besides: [
      {
        file: "aws/dynamodb.ts",
        from: `"fence = :fence AND attribute_not_exists(lease)"`,
        to: `"fence = :fence"`,
      },
    ],
  },
];
