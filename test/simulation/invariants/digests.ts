import { ofKind } from "../history.ts";
import type { Invariant } from "./all.ts";
import { changesOf, describeChange } from "./changes.ts";

/** What a deployment brings is an image by digest for which every check has passed before: the very same one. */
export const digestIsTested: Invariant = ({ history }) => {
  const builds = ofKind(history, "build").filter(
    ({ phase, status }) => phase === "ended" && status === "SUCCEEDED",
  );
  const commits = new Map(ofKind(history, "push").map(({ push, digest }) => [digest, push.commit]));
  return changesOf(history)
    .filter(({ kind, by }) => kind === "target" && by === "StartDeployment")
    .flatMap((change) => {
      const [, digest] = change.what.split("@");
      if (digest === undefined) return [`${describeChange(change)} is not pinned by its digest`];
      const passed = (stage: string, of: (variables: Readonly<Record<string, string>>) => boolean) =>
        builds.some(
          ({ at, variables }) => at <= change.from && variables.SPILLWAY_STAGE === stage && of(variables),
        );
      const missing = [
        passed("static-analysis", ({ SPILLWAY_COMMIT }) => SPILLWAY_COMMIT === commits.get(digest))
          ? []
          : ["static-analysis"],
        passed("integration-tests", ({ SPILLWAY_IMAGE = "" }) => SPILLWAY_IMAGE.endsWith(digest))
          ? []
          : ["integration-tests"],
      ].flat();
      return missing.length === 0
        ? []
        : [`${describeChange(change)} was not checked by ${missing.join(", ")}`];
    });
};
