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
 * Words for the terminal of a person. Reasons, names and errors come from people, images and other systems: they must
 * not steer the terminal, nor show a secret.
 * @param indent what stands before every line but the first.
 */
export function shown(text: string, indent = ""): string {
  return text
    .split("\n")
    .map((part) => hideSecrets(plainLine(part)))
    .join(`\n${indent}`);
}

/** The same as JSON, which says of every character that would steer the terminal only which one it is. */
export function shownJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    steering,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What JSON leaves as it is: control characters beyond ASCII, and those that turn the direction of text. */
const steering = /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A moment as people read it and as logs write it, in UTC. @param milliseconds since the epoch. */
export function moment(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(".000Z", "Z");
}

/** A duration as people read it. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
