import { plainLine } from "../core/build.ts";
import { hideSecrets } from "../core/redaction.ts";

const labelWidth = 12;

/** One labelled line of what is on record; none if there is nothing to say. */
export function line(label: string, text: string | false | undefined): string[] {
  if (text === undefined || text === false || text === "") return [];
  return [`  ${label.padEnd(labelWidth)} ${shown(text, " ".repeat(labelWidth + 3))}`];
}

/** Lines below their title; none if there are none. */
export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((text) => `  ${shown(text, "    ")}`)];
}

/**
 * What is on record, for the terminal of a person. Reasons and names come from people, images and other systems: they
 * must not steer the terminal, nor show a secret.
 * @param indent what stands before every line but the first.
 */
function shown(text: string, indent: string): string {
  return text
    .split("\n")
    .map((part) => hideSecrets(plainLine(part)))
    .join(`\n${indent}`);
}

/** A moment as people read it and as logs write it, in UTC. @param milliseconds since the epoch. */
export function moment(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(".000Z", "Z");
}

/** A duration as people read it. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
