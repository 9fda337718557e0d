import type { Resumed } from "../local/aws.ts";

/** What a person reads about what an earlier start had left open; nothing if that was nothing. */
export function renderResumed({ executions, lostBuilds, lostTasks, services }: Resumed): string[] {
  const lines: string[] = [];
  const say = (count: number, what: string, became: string) => {
    if (count > 0) lines.push(`${count} ${what}${count === 1 ? "" : "s"} of an earlier start: ${became}`);
  };
  say(services.serving.length, "service", `serving again (${services.serving.join(", ")})`);
  say(services.ailing.length, "service", `not healthy now, tried again (${services.ailing.join(", ")})`);
  say(services.operations, "deployment", "going on");
  say(executions.open, "execution", "going on where it was");
  say(
    executions.lost.length,
    "execution",
    `ended as FAILED, for it cannot go on: ${executions.lost.join(", ")}`,
  );
  say(lostBuilds.length, "build", `ended as FAULT, for its processes are gone (${lostBuilds.join(", ")})`);
  say(lostTasks.length, "task", `ended as STOPPED, for its process is gone (${lostTasks.join(", ")})`);
  return lines;
}
