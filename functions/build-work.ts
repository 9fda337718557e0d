import { connectBuilds } from "../aws/codebuild.ts";
import { projectName } from "../core/names.ts";
import type { Release } from "../core/records.ts";
import { secretReference } from "../core/settings.ts";
import type { Place } from "./middleware.ts";
import type { Work } from "./waiting.ts";

/** A build of a release's commit. */
export interface BuildRequest {
  readonly key: string;
  /** The stage, or `build-image`. */
  readonly stage: string;
  readonly token: string;
  readonly subject: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
  /** Variable → name of a secret. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** Running a build of the commit that a release is of, as work that a state can wait for. */
export function buildWork(
  place: Place,
  release: Release,
  { key, stage, token, subject, variables, secrets }: BuildRequest,
): Work {
  const { prefix } = release.installation.resources;
  const { resources } = release.installation;
  const builds = connectBuilds(place.connection);
  const project = projectName(prefix, release.service, stage);
  const references = Object.entries(secrets).map(([variable, secret]) => [
    variable,
    secretReference(resources, secret),
  ]);
  return {
    key,
    kind: "build",
    release: release.id,
    token,
    subject: { stage, ...subject },
    begin: async (work) => ({
      arn: await builds.start({
        project,
        commit: release.commit,
        work,
        variables: {
          ...variables,
          SPILLWAY_RELEASE: release.id,
          SPILLWAY_STAGE: stage,
          SPILLWAY_BUILD: subject.build ?? stage,
          ...(release.commit === undefined ? {} : { SPILLWAY_COMMIT: release.commit }),
        },
        secrets: Object.fromEntries(references),
      }),
    }),
    stop: (arn) => builds.stop(arn),
    find: async (work) => {
      const arn = await builds.find(project, work);
      return arn === undefined ? undefined : { arn };
    },
  };
}
