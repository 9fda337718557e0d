/** A guard of Spillway's that is taken out on purpose, so that it can be seen who misses it. */
export interface Mutant {
  readonly name: string;
  /** What the guard keeps from happening. */
  readonly guard: string;
  readonly file: string;
  /** The guard's own text, which is in the file exactly once, and what stands there instead. */
  readonly from: string;
  readonly to: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: "lease-held",
    guard: "who holds the lease keeps it while it works",
    file: "core/lease.ts",
    from: `if (lease !== undefined && !isQuiet(holder.quietSince, now)) return { decision: "wait", holder: lease };`,
    to: "",
  },
  {
    name: "turn-given-while-held",
    guard: "nobody gets a turn while another has the lease",
    file: "core/turn.ts",
    from: "if (lease !== undefined)",
    to: "if (false)",
  },
  {
    name: "release-of-the-lease",
    guard: "the lease is given back at the end",
    file: "functions/release-lease.ts",
    from: "if (lease?.owner !== input.execution) return { released: false };",
    to: "if (lease !== undefined) return { released: false };",
  },
  {
    name: "order-of-builds",
    guard: "an older build is not deployed after a newer one",
    file: "core/still-wanted.ts",
    from: "if (release.sequence >= live.sequence) return { wanted: true };",
    to: "return { wanted: true };",
  },
  {
    name: "same-push-again",
    guard: "a push of a digest that has a release is a duplicate",
    file: "core/admission.ts",
    from: `if (trigger === "push")
    return {`,
    to: `if (trigger === "console")
    return {`,
  },
  {
    name: "release-still-open",
    guard: "a digest is not released once more while its release is open",
    file: "core/admission.ts",
    from: "if (open)",
    to: "if (false)",
  },
  {
    name: "token-of-a-retry",
    guard: "a retry waits with its own token",
    file: "functions/waiting.ts",
    from: `if (found.token !== token && !(await records.replaceToken(found, token)))
    return openOrRetry(place, records, work);`,
    to: "",
  },
  {
    name: "token-of-a-late-try",
    guard: "a try whose function is gone does not put its token in the place of its retry's",
    file: "aws/dynamodb.ts",
    from: `"tries = :tries AND #token = :before"`,
    to: `"tries = :tries OR #token = :before"`,
  },
  {
    name: "end-of-a-wait",
    guard: "a wait is closed once its state was woken",
    file: "functions/waiting.ts",
    from: "await records.closeWait(wait, result);",
    to: "",
  },
  {
    name: "waking",
    guard: "a state is woken before its wait is closed",
    file: "functions/waiting.ts",
    from: "await connectExecutions(place.connection).complete(token, result);",
    to: "",
  },
  {
    name: "look-at-overdue-waits",
    guard: "what no event told of is asked for each minute",
    file: "functions/reconcile.ts",
    from: "await settle(place, wait, lookFor(wait, place));",
    to: "",
  },
  {
    name: "broken-deployments",
    guard: "an environment is recovered whose execution was broken off",
    file: "functions/recovery.ts",
    from: "for (const broken of seen.values()) await startRecovery(place, broken);",
    to: "",
  },
  {
    name: "execution-that-ended",
    guard: "only an execution that has ended is taken for broken off",
    file: "functions/recovery.ts",
    from: "if (end?.endedAt !== undefined) broken.push({ record, end: { executionArn, ...end } });",
    to: "if (end !== undefined) broken.push({ record, end: { executionArn, ...end } });",
  },
  {
    name: "one-way-door",
    guard: "no schema comes that the code before could not read",
    file: "functions/prepare-deployment.ts",
    from: "if (canRunOn(previous.builtAgainst, after) !== false) return;",
    to: "return;",
  },
  {
    name: "schema-of-a-rollback",
    guard: "nobody goes back to code that cannot read the schema",
    file: "core/still-wanted.ts",
    from: "if (canStay(builtAgainst, live) !== false) return { wanted: true };",
    to: "return { wanted: true };",
  },
  {
    name: "schema-on-record",
    guard: "where a migration left the schema is on record",
    file: "functions/confirm-migration.ts",
    from: "after: found.after,",
    to: "after: before ?? null,",
  },
  {
    name: "schema-after-a-crash",
    guard: "after a crash in a migration the database is asked where it stands",
    file: "functions/prepare-deployment.ts",
    from: "checkDatabase: begunAt !== undefined",
    to: "checkDatabase: false",
  },
  {
    name: "failed-migration",
    guard: "a migration that exits otherwise than with 0 has failed",
    file: "aws/ecs.ts",
    from: "container?.exitCode === 0)",
    to: "container?.exitCode !== undefined)",
  },
  {
    name: "migration-begun-twice",
    guard: "each try of a migration has the token of its work",
    file: "aws/ecs-start.ts",
    from: "clientToken: idempotencyToken(task.work),",
    to: "clientToken: idempotencyToken(`$" + "{task.work} $" + "{taskDefinition}`),",
  },
  {
    name: "rollback-of-a-rollback",
    guard: "a rollback that fails is left to a person",
    file: "core/rollback.ts",
    from: `if (intent === "rollback") return { action: "left" };`,
    to: "",
  },
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
    file: "core/quarantine.ts",
    from: "if (quarantine === undefined || quarantine.lifted !== undefined || !brings(intent)) return undefined;",
    to: "if (quarantine !== null || quarantine.lifted !== undefined || !brings(intent)) return undefined;",
  },
  {
    name: "siblings",
    guard: "the other builds of a failed release are stopped",
    file: "functions/stop-stages.ts",
    from: `await stopBuilds(place, readScope(input).key, "stopped because another build failed")`,
    to: `[]`,
  },
  {
    name: "live-on-record",
    guard: "what a deployment made live is on record as live",
    file: "functions/record-deployment.ts",
    from: "await recordLive(records, deployment, {",
    to: "if (false) await recordLive(records, deployment, {",
  },
  {
    name: "recovered-revision",
    guard: "a recovery records what it made serve, not what was live when it was asked for",
    file: "functions/record-deployment.ts",
    from: `if (!stays || deployment.intent === "recover" || previous?.release === release.id)`,
    to: `if (!stays || previous?.release === release.id)`,
  },
  {
    name: "wait-of-a-way-back",
    guard: "a way back closes the wait of a try that died",
    file: "functions/roll-back.ts",
    from: `await open.records.closeWait({ key }, { end: "succeeded", output: { action: plan.action } });`,
    to: "",
  },
  {
    name: "recovered-are-closed",
    guard: "what was broken off is closed with its recovery",
    file: "functions/record-deployment.ts",
    from: "await closeRecovered(records, deployment, { outcome, reason, endedAt: now });",
    to: "",
  },
  {
    name: "end-on-record",
    guard: "a deployment is closed with its outcome",
    file: "functions/record-deployment.ts",
    from: "await records.closeDeployment(deployment, { endedAt: now, outcome, reason });",
    to: "",
  },
  {
    name: "abandoned-releases",
    guard: "a release whose execution was stopped is closed",
    file: "functions/recovery.ts",
    from: "if (await records.closeRelease(record.id, { ...ending, endedAt: connection.now() })) closed++;",
    to: "",
  },
];
