import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import semver from "semver";
import type { Component } from "./bill.ts";

export type Severity = "CRITICAL" | "HIGH" | "MODERATE" | "LOW" | "UNKNOWN";

/** What the scan reads of an advisory in the OSV format (https://ossf.github.io/osv-schema/). */
export interface Advisory {
  readonly id: string;
  readonly modified: Date;
  readonly summary: string;
  readonly severity: Severity;
  readonly affected: readonly Affected[];
}

interface Affected {
  readonly name: string;
  readonly versions: readonly string[];
  readonly ranges: readonly (readonly RangeEvent[])[];
}

type RangeEvent = { readonly kind: "introduced" | "fixed" | "last_affected"; readonly version: string };

/** A package that an advisory names at a version it affects. */
export interface Finding {
  readonly component: Component;
  readonly advisory: Advisory;
}

/** A file among the advisories is not one. */
export class AdvisoryError extends Error {
  override readonly name = "AdvisoryError";
}

/** Reads every .json file of `folder`. Throws AdvisoryError naming the file. */
export async function readAdvisories(folder: string): Promise<Advisory[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  if (names.length === 0) throw new AdvisoryError(`There are no advisories in ${folder}.`);
  return Promise.all(
    names.map(async (name) => {
      try {
        return parseAdvisory(JSON.parse(await readFile(join(folder, name), "utf8")));
      } catch (error) {
        const reason = error instanceof Error ? error.message : "unknown";
        throw new AdvisoryError(`${name} is not an advisory in the OSV format: ${reason}`, { cause: error });
      }
    }),
  );
}

/** Which components are affected by which advisories, the gravest first. */
export function findAffected(components: readonly Component[], advisories: readonly Advisory[]): Finding[] {
  const order: readonly Severity[] = ["CRITICAL", "HIGH", "MODERATE", "LOW", "UNKNOWN"];
  return components
    .flatMap((component) =>
      advisories
        .filter((advisory) => advisory.affected.some((affected) => isAffected(component, affected)))
        .map((advisory) => ({ component, advisory })),
    )
    .sort((a, b) => order.indexOf(a.advisory.severity) - order.indexOf(b.advisory.severity));
}

function isAffected({ name, version }: Component, affected: Affected): boolean {
  if (affected.name !== name) return false;
  return affected.versions.includes(version) || affected.ranges.some((events) => isInRange(version, events));
}

/** OSV's rule: walk the events in the order of versions; the last one at or below decides. */
function isInRange(version: string, events: readonly RangeEvent[]): boolean {
  let inside = false;
  for (const event of [...events].sort((a, b) => semver.compare(a.version, b.version))) {
    if (event.kind === "introduced" && semver.gte(version, event.version)) inside = true;
    if (event.kind === "fixed" && semver.gte(version, event.version)) inside = false;
    if (event.kind === "last_affected" && semver.gt(version, event.version)) inside = false;
  }
  return inside;
}

function parseAdvisory(value: unknown): Advisory {
  const advisory = asObject(value, "the file");
  const specific = advisory.database_specific === undefined ? {} : asObject(advisory.database_specific, "");
  const modified = new Date(asText(advisory.modified, "modified"));
  if (Number.isNaN(modified.getTime())) throw new TypeError("modified is not a date");
  return {
    id: asText(advisory.id, "id"),
    modified,
    summary: typeof advisory.summary === "string" ? advisory.summary : "",
    severity: toSeverity(specific.severity),
    affected: asArray(advisory.affected, "affected")
      .map((entry) => asObject(entry, "an entry of affected"))
      .filter((entry) => asObject(entry.package, "package").ecosystem === "npm")
      .map(parseAffected),
  };
}

function parseAffected(entry: Record<string, unknown>): Affected {
  const ranges = entry.ranges === undefined ? [] : asArray(entry.ranges, "ranges");
  return {
    name: asText(asObject(entry.package, "package").name, "package.name"),
    versions: entry.versions === undefined ? [] : asArray(entry.versions, "versions").map(String),
    ranges: ranges
      .map((range) => asObject(range, "a range"))
      .filter((range) => range.type === "ECOSYSTEM" || range.type === "SEMVER")
      .map((range) => asArray(range.events, "events").flatMap(parseEvent)),
  };
}

function parseEvent(value: unknown): RangeEvent[] {
  const event = asObject(value, "an event");
  for (const kind of ["introduced", "fixed", "last_affected"] as const) {
    if (event[kind] === undefined) continue;
    const version = event[kind] === "0" ? "0.0.0-0" : asText(event[kind], kind);
    if (semver.valid(version) === null) throw new TypeError(`${version} is not a version`);
    return [{ kind, version }];
  }
  return [];
}

function toSeverity(value: unknown): Severity {
  switch (value) {
    case "CRITICAL":
    case "HIGH":
    case "MODERATE":
    case "LOW":
      return value;
    default:
      return "UNKNOWN";
  }
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${what} is not an object`);
  }
  return { ...value };
}

function asArray(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} is not a list`);
  return value;
}

function asText(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "") throw new TypeError(`${what} is not a text`);
  return value;
}
