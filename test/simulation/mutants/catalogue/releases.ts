import type { Edit, Mutant } from "../mutant.ts";

/** That a release says by which event it was opened. */
const eventOfARelease: Edit = { file: "functions/admit-release.ts", from: "event: request.event,", to: "" };

/** What is released, in which order, and once. */
export const releases: readonly Mutant[] = [
  {
    name: "order-of-builds",
    guard: "an older build is not deployed after a newer one",
    among: { themes: ["builds that come late"] },
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
    name: "same-event-again",
    guard: "an event that is told again when its release has ended opens no other",
    file: "functions/admit-release.ts",
    from: "if (opened !== undefined && opened.executionArn !== execution) return duplicateOf(request.event, opened);",
    to: "",
    besides: [
      {
        file: "functions/admit-release.ts",
        from: "if (again !== undefined) return duplicateOf(request.event, again);",
        to: "",
      },
    ],
  },
  {
    name: "event-heard-by-two",
    guard: "of two executions of one event the slower does not note its release over that of the other",
    among: { themes: ["an event that two executions hear at once"] },
    file: "aws/dynamodb.ts",
    from: "return replace(keys.heardEvent(event), heard, version);",
    to: "return put(keys.heardEvent(event), heard).then(() => true);",
    besides: [eventOfARelease],
  },
  {
    name: "event-of-a-release",
    guard: "an event opens no other release, whoever of its executions opened one and however late",
    among: { themes: ["an event that two executions hear at once"] },
    ...eventOfARelease,
  },
  {
    name: "release-still-open",
    guard: "a digest is not released once more while its release is open",
    among: { themes: ["people who insist"] },
    file: "core/admission.ts",
    from: "if (open)",
    to: "if (false)",
  },
  {
    name: "opened-once",
    guard: "of two that open the same record at the same moment one does",
    among: { unlucky: ["StartDeployment", "RollBack"] },
    file: "aws/dynamodb-items.ts",
    from: `ConditionExpression: "attribute_not_exists(pk)",`,
    to: "",
  },
  {
    name: "release-of-a-retry",
    guard: "a retry finds the release that its first try opened",
    among: { unlucky: ["AdmitRelease"] },
    file: "core/admission.ts",
    from: `if (latest.executionArn === executionArn) return { decision: "admit", attempt, again: true };`,
    to: "",
  },
  {
    name: "deployment-of-a-retry",
    guard: "a retry finds the deployment that its first try opened",
    among: { unlucky: ["AdmitDeployment"] },
    file: "functions/admit-deployment.ts",
    from: "if (own !== undefined) return { deployment: nameOf(own), intent, settings };",
    to: "",
  },
  {
    name: "lost-pushes",
    guard: "a push of which nobody heard is released all the same",
    file: "functions/find-lost-pushes.ts",
    from: "if (await connectExecutions(connection).start(machineArn, name, describePush(repository, image)))",
    to: "if (false)",
  },
  {
    name: "siblings",
    guard: "the other builds of a failed release are stopped",
    file: "functions/stop-stages.ts",
    from: `await stopBuilds(place, readScope(input).key, "stopped because another build failed")`,
    to: `[]`,
  },
  {
    name: "orphans",
    guard: "a build that somebody waits for is not stopped as an orphan",
    file: "core/orphans.ts",
    from: "return !waits.some(isFor);",
    to: "return waits.length >= 0 || !waits.some(isFor);",
  },
  {
    name: "passed-is-taken-over",
    guard: "a release that goes on runs nothing again that passed",
    file: "functions/admit-release.ts",
    from: "evidence: reusePassed(resumed, requireService(resumed), config, now)",
    to: "evidence: {}",
  },
  {
    name: "where-it-is-not",
    guard: "a release that goes on goes where it is not",
    file: "core/resume.ts",
    from: "planned.filter((name) => !isThere(release, name, deployments, environments))",
    to: "planned",
  },
  {
    name: "end-of-a-release",
    guard: "whoever closes a release again finds its end and leaves it as it is",
    among: { themes: ["a release that cannot be closed"] },
    file: "functions/complete-release.ts",
    from: "if (outcome !== undefined) return { release: id, outcome, reason, built };",
    to: "",
    besides: [
      {
        file: "aws/dynamodb.ts",
        from: `        keys.release(id),
        { ...end, openKind: undefined },
        "attribute_exists(pk) AND attribute_not_exists(endedAt)",`,
        to: `        keys.release(id),
        { ...end, openKind: undefined },
        "attribute_exists(pk)",`,
      },
    ],
  },
  {
    name: "end-of-a-deployment",
    guard: "whoever closes a deployment again finds its end and leaves it as it is",
    among: { themes: ["an end that cannot be recorded"] },
    file: "functions/record-deployment.ts",
    from: "if (deployment.outcome !== undefined)",
    to: "if (false)",
    besides: [
      {
        file: "aws/dynamodb.ts",
        from: `const isOpen = "attribute_exists(pk) AND attribute_not_exists(endedAt)";`,
        to: `const isOpen = "attribute_exists(pk)";`,
      },
    ],
  },
];
