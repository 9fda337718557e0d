import { ofKind } from "../history.ts";
import type { Invariant } from "./all.ts";

/** However often a push is told of, one release is made of an image by it. */
export const oneReleasePerDigest: Invariant = ({ records }) => {
  const counts = new Map<string, number>();
  for (const { trigger, image, service } of records.releases)
    if (trigger === "push" && image !== undefined) {
      const key = `${service} ${image.uri}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([image, count]) => `${count} releases of ${image}`);
};

/** Every image that was pushed has a release that says what became of it. */
export const noPushIsLost: Invariant = ({ history, records }) =>
  ofKind(history, "push")
    .filter(({ digest }) => !records.releases.some(({ image }) => image?.uri.endsWith(digest) === true))
    .map(({ push, digest }) => `nothing became of ${push.tag} of ${push.service} (${digest.slice(0, 19)})`);

/** An image that nobody could ever reach is not called healthy, nor rolled back as unhealthy. */
export const inconclusiveIsNotHealthy: Invariant = ({ history, records }) => {
  const silent = new Set(
    ofKind(history, "push")
      .filter(({ push }) => push.behaviour.unreachable === true)
      .map(({ digest }) => digest),
  );
  return records.deployments.flatMap(({ release, environment, intent, outcome, health = [] }) => {
    const image = records.releases.find(({ id }) => id === release)?.image?.uri.split("@")[1] ?? "";
    if (!silent.has(image) || intent === "recover" || intent === "rollback") return [];
    const verdict = health.find(({ phase }) => phase === "deployed")?.verdict;
    return outcome === "Released" || verdict === "unhealthy" || verdict === "healthy"
      ? [`${release} in ${environment} could not be reached and was called ${verdict ?? outcome}`]
      : [];
  });
};
