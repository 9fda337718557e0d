import { AwsError } from "../service.ts";
import { keptIn } from "../store.ts";
import { arn, type World } from "../world.ts";

/** One version of a secret's value. */
export interface SecretVersion {
  readonly id: string;
  readonly string: string | undefined;
  readonly binary: Uint8Array | undefined;
  readonly createdAt: Date;
  /** "AWSCURRENT", "AWSPREVIOUS" and labels of the user's own. */
  readonly stages: Set<string>;
}

/** A secret with its versions by id. */
export interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: Date;
  description: string | undefined;
  changedAt: Date;
  /** When it will be gone; undefined while nobody has asked for its deletion. */
  deletedAt: Date | undefined;
  readonly versions: Map<string, SecretVersion>;
}

/** The secrets of the account. */
export interface SecretStore {
  /** By name, ARN, or ARN without the six random characters. Throws AwsError ResourceNotFoundException. */
  get(nameOrArn: string | undefined): Secret;
  /** Like `get`, but throws AwsError InvalidRequestException for a secret that is marked deleted. */
  live(nameOrArn: string | undefined): Secret;
  /** Throws AwsError ResourceExistsException, or InvalidRequestException when the name waits for its deletion. */
  create(name: string, description: string | undefined): Secret;
  remove(secret: Secret): void;
  /** To be called when a secret has changed. */
  keep(secret: Secret): void;
  all(): Secret[];
}

export const CURRENT = "AWSCURRENT";
export const PREVIOUS = "AWSPREVIOUS";

const SUFFIX_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Makes the store, with what an earlier process kept of it. */
export function createSecretStore(world: World): SecretStore {
  const kept = keptIn<Secret>(world, "secrets");
  const secrets = new Map(kept.entries());

  const remove = (name: string) => {
    secrets.delete(name);
    kept.delete(name);
  };

  const dropExpired = () => {
    for (const [name, { deletedAt }] of secrets) {
      if (deletedAt && deletedAt.getTime() <= world.clock.now()) remove(name);
    }
  };

  const find = (nameOrArn: string): Secret | undefined => {
    dropExpired();
    const plain = secrets.get(nameOrArn);
    if (plain || !nameOrArn.startsWith("arn:")) return plain;
    return [...secrets.values()].find(
      (secret) => secret.arn === nameOrArn || secret.arn.slice(0, -"-AbCdEf".length) === nameOrArn,
    );
  };

  const get = (nameOrArn: string | undefined): Secret => {
    const found = find(nameOrArn ?? "");
    if (found) return found;
    throw new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
  };

  return {
    get,
    live: (nameOrArn) => {
      const secret = get(nameOrArn);
      if (!secret.deletedAt) return secret;
      throw new AwsError(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    },
    create: (name, description) => {
      const existing = find(name);
      if (existing?.deletedAt) {
        throw new AwsError(
          "InvalidRequestException",
          "You can't create this secret because a secret with this name is already scheduled for deletion.",
        );
      }
      if (existing) {
        throw new AwsError(
          "ResourceExistsException",
          `The operation failed because the secret ${name} already exists.`,
        );
      }
      const suffix = Array.from({ length: 6 }, () =>
        SUFFIX_LETTERS.charAt(Math.floor(world.random() * SUFFIX_LETTERS.length)),
      ).join("");
      const now = new Date(world.clock.now());
      const secret: Secret = {
        name,
        arn: arn(world, "secretsmanager", `secret:${name}-${suffix}`),
        createdAt: now,
        description,
        changedAt: now,
        deletedAt: undefined,
        versions: new Map(),
      };
      secrets.set(name, secret);
      kept.put(name, secret);
      return secret;
    },
    remove: ({ name }) => remove(name),
    keep: (secret) => kept.put(secret.name, secret),
    all: () => {
      dropExpired();
      return [...secrets.values()];
    },
  };
}

/**
 * The version with an id, a stage or both; the current one when nothing is asked for.
 * Throws AwsError ResourceNotFoundException.
 */
export function findVersion(
  secret: Secret,
  id: string | undefined,
  stage: string | undefined,
): SecretVersion {
  const wantedStage = stage ?? (id === undefined ? CURRENT : undefined);
  const found = [...secret.versions.values()].find(
    (version) =>
      (id === undefined || version.id === id) &&
      (wantedStage === undefined || version.stages.has(wantedStage)),
  );
  if (found) return found;
  const what = wantedStage === undefined ? `VersionId: ${id}` : `staging label: ${wantedStage}`;
  throw new AwsError(
    "ResourceNotFoundException",
    `Secrets Manager can't find the specified secret value for ${what}`,
  );
}

/** Adds a version and moves the stages to it; what was current becomes previous. */
export function addVersion(secret: Secret, version: SecretVersion): void {
  const wasCurrent = [...secret.versions.values()].find(({ stages }) => stages.has(CURRENT));
  for (const other of secret.versions.values()) {
    for (const stage of version.stages) other.stages.delete(stage);
    if (version.stages.has(CURRENT)) other.stages.delete(PREVIOUS);
  }
  if (version.stages.has(CURRENT)) wasCurrent?.stages.add(PREVIOUS);
  secret.versions.set(version.id, version);
  secret.changedAt = version.createdAt;
}
