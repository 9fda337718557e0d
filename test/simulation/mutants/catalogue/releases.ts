import type { Mutant } from "../mutant.ts";

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
  },
  {
    name: "event-heard-by-two",
    guard: "of two executions of one event the slower does not note its release over that of the other",
    file: "aws/dynamodb.ts",
    from: "return replace(keys.heardEvent(event), heard, version);",
    to: "return put(keys.heardEvent(event), heard).then(() => true);",
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
];
