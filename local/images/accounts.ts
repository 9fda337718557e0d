import { DockerfileError } from "./dockerfile.ts";

/** Accounts that the official Node and Python images have; any other must be given by number. */
const ACCOUNTS: Readonly<Record<string, number>> = { root: 0, node: 1000, nobody: 65534, nogroup: 65534 };

/** Reads `USER[:GROUP]`; root if not given. @throws DockerfileError for an account whose number is not known. */
export function readOwner(text: string | undefined): { uid: number; gid: number } {
  const [user = "root", group = user] = (text ?? "root").split(":");
  const toNumber = (name: string) => {
    const number = /^\d+$/.test(name) ? Number(name) : ACCOUNTS[name];
    if (number !== undefined) return number;
    throw new DockerfileError(
      `The number of the account "${name}" is not known here; give the number itself.`,
    );
  };
  return { uid: toNumber(user), gid: toNumber(group) };
}
