import * as z from "zod/mini";
import { SpillwayError } from "../core/errors.ts";
import { listProblems, parse } from "../core/parse.ts";
import { Installation, Release } from "../core/records.ts";
import { knownInstallation } from "./known-installations.ts";

/** @throws SpillwayError RecordUnreadable if the item has another shape. */
export function understand<Shape extends z.ZodMiniType>(
  shape: Shape,
  item: Readonly<Record<string, unknown>>,
): z.infer<Shape> {
  return parse(
    shape,
    item,
    (problems) =>
      new SpillwayError(
        "RecordUnreadable",
        `The record ${item.pk} ${item.sk} cannot be read: ${listProblems(problems, "record")}. It was changed by hand or written by another version of Spillway: correct it, or deploy the version that wrote it.`,
      ),
  );
}

/** Makes of an item what it records. @throws SpillwayError RecordUnreadable if it has another shape. */
export type Form<Recorded> = (item: Readonly<Record<string, unknown>>) => Recorded;

/** Records that are as they are written. */
export function as<Shape extends z.ZodMiniType>(shape: Shape): Form<z.infer<Shape>> {
  return (item) => understand(shape, item);
}

const ReleaseProper = z.omit(Release, { installation: true });

/** A release from its item. Its config and resources are nearly always the same, so they are read through once. */
export const asRelease: Form<Release> = (item) => ({
  ...understand(ReleaseProper, item),
  installation: knownInstallation(
    item.installation,
    (installation) => understand(Release, { ...item, installation }).installation,
  ),
});

/** What is installed, from its item. */
export const asInstallation: Form<Installation> = ({ pk, sk, config, resources }) =>
  knownInstallation({ config, resources }, (members) =>
    understand(Installation, { ...Object(members), pk, sk }),
  );
