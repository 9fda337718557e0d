import { RefusalError } from "./refusal.ts";

/** The name of an image, in its parts. */
export interface ImageReference {
  /** As it was given, with the tag it has when none was. */
  readonly text: string;
  /** Undefined for an image of no registry, such as `web:test`. */
  readonly registry: string | undefined;
  readonly repository: string;
  readonly tag: string;
}

/** Reads `[REGISTRY/]REPOSITORY[:TAG]`. @throws RefusalError */
export function readReference(given: string): ImageReference {
  const [first = "", ...rest] = given.split("/");
  // Docker's rule: only what has a dot or a port, or is localhost, is a registry.
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const name = hasRegistry ? rest.join("/") : given;
  const [, repository, tag = "latest"] =
    /^([a-z0-9]+(?:(?:[._/-]|__|-+)[a-z0-9]+)*)(?::([\w][\w.-]{0,127}))?$/.exec(name) ?? [];
  if (repository === undefined)
    throw new RefusalError(`invalid reference format: "${given}"; write REGISTRY/REPOSITORY:TAG.`);
  const registry = hasRegistry ? first : undefined;
  return {
    text: `${registry === undefined ? "" : `${registry}/`}${repository}:${tag}`,
    registry,
    repository,
    tag,
  };
}

/** Whether a registry is ECR, which here means the local one. */
export function isEcr(registry: string | undefined, endpoint: URL): boolean {
  if (registry === undefined) return false;
  return /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com$/.test(registry) || registry === endpoint.host;
}
