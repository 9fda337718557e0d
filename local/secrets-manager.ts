import type {
  CreateSecretCommandInput,
  CreateSecretCommandOutput,
  DeleteSecretCommandInput,
  DeleteSecretCommandOutput,
  DescribeSecretCommandInput,
  DescribeSecretCommandOutput,
  GetSecretValueCommandInput,
  GetSecretValueCommandOutput,
  ListSecretsCommandInput,
  ListSecretsCommandOutput,
  PutSecretValueCommandInput,
  PutSecretValueCommandOutput,
  RestoreSecretCommandInput,
  RestoreSecretCommandOutput,
  UpdateSecretCommandInput,
  UpdateSecretCommandOutput,
} from "@aws-sdk/client-secrets-manager";
import * as schemas from "@aws-sdk/client-secrets-manager";
import { demand } from "./iam/demand.ts";
import { authorizeRole, type RoleSession } from "./iam/index.ts";
import { pageByName } from "./pagination.ts";
import { parseSecretReference, readJsonKey } from "./secrets/reference.ts";
import {
  addVersion,
  CURRENT,
  createSecretStore,
  findVersion,
  type Secret,
  type SecretStore,
} from "./secrets/store.ts";
import { AwsError, type Operation, type Service } from "./service.ts";
import { uuid, type World } from "./world.ts";

/** Secrets Manager. Values are never logged; where things are kept, only the user who runs the local AWS can read them. */
export interface SecretsManager extends Service {
  /**
   * The text that `NAME-OR-ARN[:json-key:version-stage:version-id]` stands for, as ECS, App Runner and CodeBuild
   * resolve it for what they start. Throws AwsError ResourceNotFoundException, InvalidRequestException (marked
   * deleted) or InvalidParameterException (no such key, or no text).
   */
  resolve: ResolveSecret;
  /** The ARN of a secret that exists, by its name or ARN. */
  arnOf(nameOrArn: string): string | undefined;
}

/** Reads a secret for what a service starts, by the right of the role that the service was given. */
export type ResolveSecret = (reference: string, as?: RoleSession) => string;

const VALUE_LIMIT_BYTES = 65_536;
const DAY_MILLISECONDS = 86_400_000;

/** Makes Secrets Manager. */
export function createSecretsManager(world: World): SecretsManager {
  const store = createSecretStore(world);
  const resolve: ResolveSecret = (reference, as) => {
    const { secretId, jsonKey, versionId, versionStage } = parseSecretReference(reference);
    const secret = store.live(secretId);
    if (as !== undefined) authorizeRole(world, as, demand("secretsmanager:GetSecretValue", secret.arn));
    const { string } = findVersion(secret, versionId, versionStage);
    if (string === undefined) {
      throw new AwsError("InvalidParameterException", `The secret ${secretId} is binary and has no text.`);
    }
    return jsonKey === undefined ? string : readJsonKey(secretId, string, jsonKey);
  };
  return {
    target: "secretsmanager",
    protocol: "json1.1",
    schemas,
    operations: { ...createValueOperations(world, store), ...createSecretOperations(world, store) },
    resolve,
    arnOf: (nameOrArn) => store.all().find(({ name, arn }) => [name, arn].includes(nameOrArn))?.arn,
  };
}

/** The part of an input that carries a value. */
interface Value {
  readonly ClientRequestToken?: string | undefined;
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: Uint8Array | undefined;
}

function createValueOperations(world: World, store: SecretStore) {
  const put = (secret: Secret, value: Value, stages: readonly string[]) => {
    const id = value.ClientRequestToken ?? uuid(world.random);
    const existing = secret.versions.get(id);
    if (existing) {
      if (isSame(existing, value)) return { VersionId: id, VersionStages: [...existing.stages] };
      throw new AwsError(
        "ResourceExistsException",
        "You can't use ClientRequestToken that was used with another secret value; give another.",
      );
    }
    checkValue(value);
    addVersion(secret, {
      id,
      string: value.SecretString,
      binary: value.SecretBinary,
      createdAt: new Date(world.clock.now()),
      stages: new Set(stages),
    });
    store.keep(secret);
    return { VersionId: id, VersionStages: [...stages] };
  };

  const CreateSecret: Operation<CreateSecretCommandInput, CreateSecretCommandOutput> = (input) => {
    const { Name = "" } = input;
    if (!/^[A-Za-z0-9/_+=.@-]{1,512}$/.test(Name)) {
      throw new AwsError(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
      );
    }
    if (hasValue(input)) checkValue(input);
    const secret = store.create(Name, input.Description);
    const version = hasValue(input) ? put(secret, input, [CURRENT]) : undefined;
    return { ARN: secret.arn, Name: secret.name, VersionId: version?.VersionId };
  };

  const PutSecretValue: Operation<PutSecretValueCommandInput, PutSecretValueCommandOutput> = (input) => {
    const secret = store.live(input.SecretId);
    return { ARN: secret.arn, Name: secret.name, ...put(secret, input, input.VersionStages ?? [CURRENT]) };
  };

  const UpdateSecret: Operation<UpdateSecretCommandInput, UpdateSecretCommandOutput> = (input) => {
    const secret = store.live(input.SecretId);
    const version = hasValue(input) ? put(secret, input, [CURRENT]) : undefined;
    secret.description = input.Description ?? secret.description;
    store.keep(secret);
    return { ARN: secret.arn, Name: secret.name, VersionId: version?.VersionId };
  };

  const GetSecretValue: Operation<GetSecretValueCommandInput, GetSecretValueCommandOutput> = (input) => {
    const secret = store.live(input.SecretId);
    const version = findVersion(secret, input.VersionId, input.VersionStage);
    return {
      ARN: secret.arn,
      Name: secret.name,
      VersionId: version.id,
      SecretString: version.string,
      SecretBinary: version.binary,
      VersionStages: [...version.stages],
      CreatedDate: version.createdAt,
    };
  };

  return { CreateSecret, PutSecretValue, UpdateSecret, GetSecretValue };
}

function createSecretOperations(world: World, store: SecretStore) {
  const DescribeSecret: Operation<DescribeSecretCommandInput, DescribeSecretCommandOutput> = (input) => {
    const secret = store.get(input.SecretId);
    const stages = [...secret.versions].map(([id, version]): [string, string[]] => [id, [...version.stages]]);
    return { ...shown(secret), VersionIdsToStages: Object.fromEntries(stages) };
  };

  const ListSecrets: Operation<ListSecretsCommandInput, ListSecretsCommandOutput> = (input) => {
    if (input.Filters?.some(({ Key }) => Key !== "name")) {
      throw new AwsError("InvalidParameterException", "The local AWS filters secrets by name only.");
    }
    const prefixes = input.Filters?.flatMap(({ Values = [] }) => Values);
    const matching = store
      .all()
      .filter(({ deletedAt }) => input.IncludePlannedDeletion || !deletedAt)
      .filter(({ name }) => prefixes?.some((prefix) => name.startsWith(prefix)) ?? true);
    const { items, nextToken } = pageByName(
      matching,
      { size: input.MaxResults ?? 100, token: input.NextToken },
      () => new AwsError("InvalidNextTokenException", "The NextToken is invalid."),
    );
    return { SecretList: items.map(shown), NextToken: nextToken };
  };

  const DeleteSecret: Operation<DeleteSecretCommandInput, DeleteSecretCommandOutput> = (input) => {
    const secret = store.get(input.SecretId);
    const days = input.RecoveryWindowInDays;
    if (days !== undefined && (input.ForceDeleteWithoutRecovery || days < 7 || days > 30)) {
      throw new AwsError(
        "InvalidParameterException",
        "RecoveryWindowInDays must be 7 to 30 and can't be combined with ForceDeleteWithoutRecovery.",
      );
    }
    const wait = input.ForceDeleteWithoutRecovery ? 0 : (days ?? 30) * DAY_MILLISECONDS;
    const deletedAt = new Date(world.clock.now() + wait);
    if (wait === 0) store.remove(secret);
    else {
      secret.deletedAt = deletedAt;
      store.keep(secret);
    }
    return { ARN: secret.arn, Name: secret.name, DeletionDate: deletedAt };
  };

  const RestoreSecret: Operation<RestoreSecretCommandInput, RestoreSecretCommandOutput> = (input) => {
    const secret = store.get(input.SecretId);
    secret.deletedAt = undefined;
    store.keep(secret);
    return { ARN: secret.arn, Name: secret.name };
  };

  return { DescribeSecret, ListSecrets, DeleteSecret, RestoreSecret };
}

function hasValue({ SecretString, SecretBinary }: Value): boolean {
  return SecretString !== undefined || SecretBinary !== undefined;
}

function checkValue({ SecretString, SecretBinary }: Value): void {
  if ((SecretString === undefined) === (SecretBinary === undefined)) {
    throw new AwsError("InvalidParameterException", "You must provide either SecretString or SecretBinary.");
  }
  if (Buffer.byteLength(SecretString ?? SecretBinary ?? "") > VALUE_LIMIT_BYTES) {
    throw new AwsError("InvalidParameterException", `A secret may have ${VALUE_LIMIT_BYTES} bytes at most.`);
  }
}

function isSame(
  version: { string: string | undefined; binary: Uint8Array | undefined },
  value: Value,
): boolean {
  return (
    version.string === value.SecretString &&
    Buffer.from(version.binary ?? []).equals(Buffer.from(value.SecretBinary ?? []))
  );
}

function shown(secret: Secret) {
  return {
    ARN: secret.arn,
    Name: secret.name,
    Description: secret.description,
    CreatedDate: secret.createdAt,
    LastChangedDate: secret.changedAt,
    DeletedDate: secret.deletedAt,
  };
}
