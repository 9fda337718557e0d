import * as z from "zod/mini";
import type { Effect } from "../history.ts";
import { ofKind } from "../history.ts";

/** Something that changes an environment, from its beginning to its end. Times are milliseconds of the world. */
export interface Change {
  readonly kind: "target" | "migration";
  readonly service: string;
  readonly environment: string;
  readonly from: number;
  readonly until: number;
  /** The function that asked for it, and the execution for which it worked. */
  readonly by: string;
  readonly execution: string | undefined;
  /** Who held the lease then. */
  readonly holder: string | undefined;
  /** What a target is to run; of a migration, for what it was begun. */
  readonly what: string;
  /** Of a migration: with what its container exited, if it ran. */
  readonly exitCode?: number | undefined;
}

const TargetCall = z.object({
  SourceConfiguration: z.object({ ImageRepository: z.object({ ImageIdentifier: z.string() }) }),
});
const TargetAnswer = z.object({ Service: z.object({ ServiceName: z.string() }) });
const TaskCall = z.object({ startedBy: z.string() });
const TaskEnd = z.object({ containers: z.array(z.object({ exitCode: z.optional(z.number()) })) });
const TaskAnswer = z.object({ tasks: z.array(z.object({ taskArn: z.string() })) });

const named = /spillway-(\w+)-(staging|production)/;

/** Every change of an environment that began, in order. */
export function changesOf(effects: readonly Effect[]): Change[] {
  const events = ofKind(effects, "event");
  const seen = new Set<string>();
  return ofKind(effects, "call").flatMap((call): Change[] => {
    const { at: from, by, execution, holder } = call;
    const common = { from, by, execution, holder };
    if (call.operation === "AppRunner.UpdateService" || call.operation === "AppRunner.CreateService") {
      const what = TargetCall.parse(call.input).SourceConfiguration.ImageRepository.ImageIdentifier;
      const { ServiceName } = TargetAnswer.parse(call.answer).Service;
      const [, service = "", environment = ""] = named.exec(ServiceName) ?? [];
      const end = events.find(
        ({ at, event: { "detail-type": type, detail } }) =>
          at > from &&
          type === "AppRunner Service Status Change" &&
          detail.serviceName === ServiceName &&
          detail.currentServiceStatus !== "OPERATION_IN_PROGRESS",
      );
      return [
        { ...common, kind: "target", service, environment, what, until: end?.at ?? Number.POSITIVE_INFINITY },
      ];
    }
    if (!call.operation.endsWith(".RunTask")) return [];
    const what = TaskCall.parse(call.input).startedBy;
    const [task] = TaskAnswer.parse(call.answer).tasks;
    // The same token again begins nothing.
    if (!/\/migrate-(up|down)/.test(what) || task === undefined || seen.has(task.taskArn)) return [];
    seen.add(task.taskArn);
    const [, service = "", environment = ""] = named.exec(JSON.stringify(call.input)) ?? [];
    const end = events.find(
      ({ event: { "detail-type": type, detail } }) =>
        type === "ECS Task State Change" &&
        detail.taskArn === task.taskArn &&
        detail.lastStatus === "STOPPED",
    );
    const [container] = end === undefined ? [] : TaskEnd.parse(end.event.detail).containers;
    return [
      {
        ...common,
        kind: "migration",
        service,
        environment,
        what,
        until: end?.at ?? Number.POSITIVE_INFINITY,
        exitCode: container?.exitCode,
      },
    ];
  });
}

/** In words, for a person who reads what went wrong. */
export function describeChange({ kind, service, environment, by, execution, from, what }: Change): string {
  const name = execution?.split(":").at(-1) ?? "nobody";
  return `${kind} of ${service} in ${environment} at ${from / 1000} s by ${by} of ${name} (${what})`;
}
