import { connectAppRunner } from "../aws/apprunner.ts";
import { requireImage } from "../core/image.ts";
import type { DeploymentName, Release } from "../core/records.ts";
import { runtimeSettings, targetOf } from "../core/settings.ts";
import { accessSubject, connectionTo } from "./environment-connection.ts";
import type { Place } from "./middleware.ts";
import type { Work } from "./waiting.ts";

/** Bringing one release's image to an environment's target, as work that a state can wait for. */
export function targetWork(
  place: Place,
  release: Release,
  environment: string,
  key: string,
  owner: DeploymentName,
  token: string,
): Work {
  const target = connectAppRunner(connectionTo(place, release, environment));
  const name = targetOf(release, environment);
  const imageUri = requireImage(release).uri;
  const begun = ({ arn, operation }: { arn: string; operation: string }) => ({ arn, subject: { operation } });
  return {
    key,
    kind: "operation",
    release: owner.release,
    token,
    subject: { attempt: String(owner.attempt), environment, ...accessSubject(release, environment) },
    begin: async () =>
      begun(
        await target.start({
          name,
          imageUri,
          settings: runtimeSettings(release, environment),
        }),
      ),
    find: async (_work, since) => {
      const operation = await target.find(name, imageUri, since);
      return operation === undefined ? undefined : begun(operation);
    },
  };
}
