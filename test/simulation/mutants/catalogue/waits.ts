import type { Mutant } from "../mutant.ts";

/** How states wait for work of others, and are woken. */
export const waits: readonly Mutant[] = [
  {
    name: "intent-first",
    guard: "that something is waited for is on record before AWS is told to begin it",
    file: "functions/waiting.ts",
    from: "const wait = await openOrRetry(place, records, work);",
    to: `const early = (await records.wait(work.key)) === undefined ? await work.begin(work.key) : undefined;
  const wait = await openOrRetry(place, records, work);`,
    besides: [
      {
        file: "functions/waiting.ts",
        from: "?? (await work.begin(name));",
        to: "?? early ?? (await work.begin(name));",
      },
    ],
  },
  {
    name: "adoption-of-an-operation",
    guard: "a retry finds the operation of the target that its first try began",
    file: "functions/target-work.ts",
    from: "return operation === undefined ? undefined : begun(operation);",
    to: "return undefined;",
  },
  {
    name: "clocks-that-differ",
    guard: "a retry finds the operation of a target whose clock is behind",
    file: "aws/apprunner.ts",
    from: "const clockGraceMilliseconds = 5_000;",
    to: "const clockGraceMilliseconds = 1_000;",
    themes: ["a function that has bad luck"],
  },
  {
    name: "adoption-of-a-task",
    guard: "a retry finds the task that its first try began",
    file: "functions/migration-work.ts",
    from: "return arn === undefined ? undefined : { arn };",
    to: "return undefined;",
  },
  {
    name: "adoption-of-a-build",
    guard: "a retry finds the build that its first try began",
    file: "functions/build-work.ts",
    from: "return arn === undefined ? undefined : { arn };",
    to: "return undefined;",
  },
  {
    name: "build-begun-twice",
    guard: "each try of a build has the token of its work",
    file: "aws/codebuild.ts",
    from: "idempotencyToken: idempotencyToken(input.work),",
    to: "",
  },
  {
    name: "look-after-beginning",
    guard: "who has noted what was begun looks whether it has ended already",
    file: "functions/waiting.ts",
    from: "return settle(place, { ...wait, looks: 0, awaitedArn: begun.arn, subject }, look);",
    to: "return;",
  },
  {
    name: "look-after-a-new-token",
    guard: "a retry that has put its token in place looks whether what it waits for has ended already",
    file: "functions/waiting.ts",
    from: "if (wait.awaitedArn !== undefined) return settle(place, wait, look);",
    to: "if (wait.awaitedArn !== undefined) return;",
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
    name: "arn-of-a-late-try",
    guard: "what an earlier try began is not noted as what the latest waits for",
    file: "aws/dynamodb.ts",
    from: `"openKind = :wait AND tries = :tries"`,
    to: `"openKind = :wait OR tries = :tries"`,
  },
  {
    name: "answer-of-an-ended-wait",
    guard: "a retry that comes when all is over is told how it ended",
    file: "functions/waiting.ts",
    from: "if (wait.result !== undefined) return connectExecutions(place.connection).complete(work.token, wait.result);",
    to: "",
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
    name: "events",
    guard: "who waits is woken by the event that tells of the end",
    file: "functions/complete-wait.ts",
    from: "for (const wait of waits) await settle(place, wait, lookAtWork(place));",
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
    name: "forgotten-waits",
    guard: "a wait is closed for which nothing was begun and nobody waits any more",
    file: "functions/reconcile.ts",
    from: "if (await closeForgotten(records, wait)) return;",
    to: "",
  },
];
