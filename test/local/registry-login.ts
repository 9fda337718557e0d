import type { RegistryTokens } from "../../local/ecr/tokens.ts";
import { administratorOf } from "../../local/iam/caller.ts";

/** The user and password of a token that the registry gives now. */
export function credentialsOf(tokens: RegistryTokens): { user: string; password: string } {
  const [user = "", password = ""] = Buffer.from(tokens.give(administratorOf("000000000000")).token, "base64")
    .toString()
    .split(":");
  return { user, password };
}
