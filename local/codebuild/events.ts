import type { Build, BuildPhase } from "@aws-sdk/client-codebuild";
import type { ServiceEvent } from "../world.ts";

/** Tells that a build began or ended. `build-id` is its ARN and times are not ISO 8601, as in AWS's own events. */
export function buildStateChange(build: Build): ServiceEvent {
  return event(build, "CodeBuild Build State Change", {
    "build-status": build.buildStatus,
    "current-phase": build.currentPhase,
    "current-phase-context": contextText(build.buildComplete === true ? [{}] : []),
  });
}

/** Tells that a phase of a build has ended, well or not. */
export function buildPhaseChange(build: Build, completed: BuildPhase): ServiceEvent {
  return event(build, "CodeBuild Build Phase Change", {
    "completed-phase": completed.phaseType,
    "completed-phase-context": contextText(completed.contexts ?? []),
    "completed-phase-status": completed.phaseStatus,
    "completed-phase-duration-seconds": completed.durationInSeconds ?? 0,
    "completed-phase-start": formatTime(completed.startTime),
    "completed-phase-end": formatTime(completed.endTime),
  });
}

function event(build: Build, detailType: string, members: Record<string, unknown>): ServiceEvent {
  return {
    source: "aws.codebuild",
    "detail-type": detailType,
    resources: [build.arn ?? ""],
    detail: {
      ...members,
      "project-name": build.projectName,
      "build-id": build.arn,
      "additional-information": additionalInformation(build),
      version: "1",
    },
  };
}

/** The part that both kinds of events have. */
function additionalInformation(build: Build): Record<string, unknown> {
  const { source, environment, logs } = build;
  return {
    cache: { type: build.cache?.type ?? "NO_CACHE" },
    "build-number": build.buildNumber,
    "timeout-in-minutes": build.timeoutInMinutes,
    "queued-timeout-in-minutes": build.queuedTimeoutInMinutes,
    "build-complete": build.buildComplete,
    initiator: build.initiator,
    "build-start-time": formatTime(build.startTime),
    ...(build.sourceVersion === undefined ? {} : { "source-version": build.sourceVersion }),
    source: { type: source?.type, ...(source?.location === undefined ? {} : { location: source.location }) },
    artifact: { location: build.artifacts?.location ?? "" },
    environment: {
      image: environment?.image,
      "privileged-mode": environment?.privilegedMode ?? false,
      "image-pull-credentials-type": environment?.imagePullCredentialsType ?? "CODEBUILD",
      "compute-type": environment?.computeType,
      type: environment?.type,
      "environment-variables": (environment?.environmentVariables ?? []).map(({ name, type, value }) => ({
        name,
        type: type ?? "PLAINTEXT",
        value,
      })),
    },
    logs: { "group-name": logs?.groupName, "stream-name": logs?.streamName, "deep-link": logs?.deepLink },
    phases: (build.phases ?? []).map(describePhase),
  };
}

function describePhase(phase: BuildPhase): Record<string, unknown> {
  const begun = { "phase-type": phase.phaseType, "start-time": formatTime(phase.startTime) };
  if (phase.endTime === undefined) return begun;
  return {
    ...begun,
    "end-time": formatTime(phase.endTime),
    "phase-status": phase.phaseStatus,
    "phase-context": (phase.contexts ?? []).map(oneContext),
    "duration-in-seconds": phase.durationInSeconds ?? 0,
  };
}

type Context = NonNullable<BuildPhase["contexts"]>[number];

function oneContext({ statusCode = "", message = "" }: Context): string {
  return `${statusCode}: ${message}`;
}

/** "[: ]" for a phase with nothing to say, as AWS writes it. */
function contextText(contexts: readonly Context[]): string {
  return `[${contexts.map(oneContext).join(", ")}]`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "Sep 1, 2017 4:12:29 PM", in UTC. */
function formatTime(time: Date | undefined): string | undefined {
  if (time === undefined) return undefined;
  const two = (number: number) => String(number).padStart(2, "0");
  const hours = time.getUTCHours();
  const clock = `${hours % 12 || 12}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
  const day = `${MONTHS[time.getUTCMonth()]} ${time.getUTCDate()}, ${time.getUTCFullYear()}`;
  return `${day} ${clock} ${hours < 12 ? "AM" : "PM"}`;
}
