import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as z from "zod/mini";
import { StartInput } from "../core/admission.ts";

/** The schema of the detail of a `Release Requested` event, for systems that send one. */
export const file = join(import.meta.dirname, "release-requested.schema.json");

/** What only a person's start may say, and what Step Functions adds to it. */
const notOfEvents = ["force", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"];

/** Renders the schema from the one by which the event is read. */
export function renderReleaseRequested(): string {
  const { properties = {}, ...schema } = z.toJSONSchema(StartInput, { io: "input" });
  const said = Object.entries(properties).filter(([name]) => !notOfEvents.includes(name));
  const whole = {
    ...schema,
    title: "The detail of a Release Requested event",
    description: "service, and one of: an image by tag or digest, or a commit.",
    properties: Object.fromEntries(said),
    // `readRequest` wants an image or a commit, and not both.
    oneOf: [{ required: ["commit"] }, { anyOf: [{ required: ["tag"] }, { required: ["digest"] }] }],
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await writeFile(file, renderReleaseRequested());
  console.log("docs/release-requested.schema.json");
}
