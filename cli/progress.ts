import { styleText } from "node:util";
import * as z from "zod/mini";
import type { ServiceEvent } from "../local/world.ts";
import { shown } from "./lines.ts";

/** Says in the terminal what the services of the local AWS tell, as it happens. */
export function createProgress(say: (line: string) => void, now: () => number) {
  const begun = now();
  const at = () => styleText("dim", `${((now() - begun) / 1000).toFixed(1).padStart(6)} s`);
  const told = (line: string) => say(`${at()}  ${line}`);
  const running = new Set<string>();

  /** One line for an event worth a person's eye; undefined for the rest. */
  function describe({ "detail-type": type, detail, resources }: ServiceEvent): string | undefined {
    const text = (name: string) => shown(String(detail[name] ?? ""));
    if (type === "ECR Image Action")
      return `pushed      ${text("repository-name")}:${text("image-tag")}  ${text("image-digest").slice(0, 19)}`;
    if (type === "CodeBuild Build State Change") {
      const [build = ""] = resources;
      const stage = shown(nameOfBuild(detail));
      if (text("build-status") !== "IN_PROGRESS")
        return `${mark(text("build-status") === "SUCCEEDED")} stage     ${stage}`;
      if (running.has(build)) return undefined;
      running.add(build);
      return styleText("dim", `  stage     ${stage} …`);
    }
    if (type === "ECS Task State Change") {
      if (text("lastStatus") === "RUNNING")
        return styleText("dim", `  migration ${text("group").replace("family:", "")} …`);
      return text("lastStatus") === "STOPPED"
        ? `${mark(text("stopCode") === "EssentialContainerExited")} migration ${text("stoppedReason")}`
        : undefined;
    }
    if (type === "AppRunner Service Operation Status Change") {
      const status = text("operationStatus");
      if (status.endsWith("Started")) return styleText("dim", `  deploy    ${text("serviceName")} …`);
      return `${mark(!status.endsWith("Failed"))} deploy    ${text("serviceName")}: ${status}`;
    }
    if (type === "Step Functions Execution Status Change") {
      const machine = text("stateMachineArn").split(":").at(-1) ?? "";
      const status = text("status");
      return status === "RUNNING"
        ? styleText("dim", `  ${machine} ${text("name")} …`)
        : `${mark(status === "SUCCEEDED")} ${machine} ${status}`;
    }
    return undefined;
  }

  return {
    told,
    onFault(where: string, error: unknown): void {
      const what = error instanceof Error ? error.message : JSON.stringify(error);
      told(styleText("red", shown(`local AWS: ${where}: ${what}`)));
    },
    onEvent(event: ServiceEvent): void {
      const line = describe(event);
      if (line !== undefined) told(line);
    },
  };
}

function mark(good: boolean): string {
  return good ? styleText("green", "✓") : styleText("red", "✗");
}

const BuildDetail = z.object({
  "project-name": z.string(),
  "additional-information": z.object({
    environment: z.object({
      "environment-variables": z.array(z.object({ name: z.string(), value: z.string() })),
    }),
  }),
});

/** The build as `npm run logs` knows it, and the environment that it verifies: `end-to-end in staging`. */
function nameOfBuild(detail: ServiceEvent["detail"]): string {
  const parsed = BuildDetail.safeParse(detail).data;
  if (parsed === undefined) return String(detail["project-name"] ?? "");
  const variables = parsed["additional-information"].environment["environment-variables"];
  const read = (name: string) => variables.find((variable) => variable.name === name)?.value;
  const build = read("SPILLWAY_BUILD") ?? parsed["project-name"];
  const environment = read("SPILLWAY_ENVIRONMENT");
  return environment === undefined ? build : `${build} in ${environment}`;
}
