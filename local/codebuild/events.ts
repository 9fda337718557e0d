import type { Build } from "@aws-sdk/client-codebuild";
import type { ServiceEvent } from "../world.ts";

/** The event of a build's change, with AWS's odd shapes: `build-id` is an ARN, times are no ISO 8601. */
export function buildStateChange(build: Build): ServiceEvent {
  return {
    source: "aws.codebuild",
    "detail-type": "CodeBuild Build State Change",
    resources: [build.arn ?? ""],
    detail: {
      "build-status": build.buildStatus,
      "project-name": build.projectName,
      "build-id": build.arn,
      "current-phase": build.currentPhase,
      "current-phase-context": "[]",
      version: "1",
      "additional-information": {
        "build-complete": build.buildComplete,
        "build-number": build.buildNumber,
        initiator: build.initiator,
        "timeout-in-minutes": build.timeoutInMinutes,
        "queued-timeout-in-minutes": build.queuedTimeoutInMinutes,
        "build-start-time": oddTime(build.startTime),
        "source-version": build.sourceVersion,
        source: { type: build.source?.type, location: build.source?.location },
        environment: {
          image: build.environment?.image,
          type: build.environment?.type,
          "compute-type": build.environment?.computeType,
          "privileged-mode": build.environment?.privilegedMode,
          "environment-variables": build.environment?.environmentVariables ?? [],
        },
        logs: { "group-name": build.logs?.groupName, "stream-name": build.logs?.streamName },
        phases: (build.phases ?? []).map((phase) => ({
          "phase-type": phase.phaseType,
          "phase-status": phase.phaseStatus,
          "phase-context": (phase.contexts ?? []).map(
            ({ statusCode, message }) => `${statusCode}: ${message}`,
          ),
          "start-time": oddTime(phase.startTime),
          "end-time": oddTime(phase.endTime),
          "duration-in-seconds": phase.durationInSeconds,
        })),
      },
    },
  };
}

const format = new Intl.DateTimeFormat("en-US", {
  dateStyle: "medium",
  timeStyle: "medium",
  timeZone: "UTC",
});

/** "Sep 1, 2017, 4:12:29 PM" without its second comma. */
function oddTime(time: Date | undefined): string | undefined {
  return time === undefined
    ? undefined
    : format
        .format(time)
        .replace(/(\d{4}),/, "$1")
        .replaceAll("\u202f", " ");
}
