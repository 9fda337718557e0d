import type { World } from "../world.ts";
import { type CredentialStore, createCredentialStore } from "./credentials.ts";
import type { Role } from "./roles.ts";

/** Roles, and the credentials of those who took one; of all accounts, as an ARN names its own. */
export interface Iam extends CredentialStore {
  /** Makes a role or changes it: those who have taken it are held to it from now on. */
  putRole(role: Role): void;
  role(arn: string): Role | undefined;
}

export function createIam(world: Pick<World, "clock" | "random" | "accountId">): Iam {
  const roles = new Map<string, Role>();
  return {
    ...createCredentialStore(world),
    putRole: (role) => void roles.set(role.arn, role),
    role: (arn) => roles.get(arn),
  };
}
