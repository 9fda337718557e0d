import { createHmac, timingSafeEqual } from "node:crypto";
import type { Caller } from "../iam/caller.ts";
import { uuid, type World } from "../world.ts";

/** As in AWS: a token is good for twelve hours. */
const LIFETIME_MILLISECONDS = 12 * 3_600_000;
/** The user of every token. */
const USER = "AWS";

/** What a request to the registry shows as its right to be there. */
export type Admission = { readonly caller: Caller } | "missing" | "invalid" | "expired";

/** The registry's tokens: GetAuthorizationToken gives them, the registry asks for them. */
export interface RegistryTokens {
  /** `token` is the base64 of `AWS:password`, which is also what Basic authentication carries. */
  give(caller: Caller): { readonly token: string; readonly expiresAt: Date };
  /** Judges a header `Authorization`: whoever shows a token is who asked for it. */
  admit(authorization: string | undefined): Admission;
}

/** Tokens signed with a key of this run: what an earlier run of the local AWS gave is invalid, not secret. */
export function createRegistryTokens({ clock, random }: Pick<World, "clock" | "random">): RegistryTokens {
  const key = `${uuid(random)}${uuid(random)}`;
  const sign = (text: string) => createHmac("sha256", key).update(text).digest("base64url");

  return {
    give(caller) {
      const expiresAt = clock.now() + LIFETIME_MILLISECONDS;
      const claim = Buffer.from(JSON.stringify({ expiresAt, caller, nonce: uuid(random) })).toString(
        "base64url",
      );
      const token = Buffer.from(`${USER}:${claim}.${sign(claim)}`).toString("base64");
      return { token, expiresAt: new Date(expiresAt) };
    },
    admit(authorization) {
      if (authorization === undefined) return "missing";
      const [, encoded = ""] = /^Basic (\S+)$/i.exec(authorization) ?? [];
      const [user, password = ""] = Buffer.from(encoded, "base64").toString().split(":");
      const [claim = "", signature = ""] = password.split(".");
      if (user !== USER || !isSame(signature, sign(claim))) return "invalid";
      const { expiresAt, caller }: { expiresAt: number; caller: Caller } = JSON.parse(
        Buffer.from(claim, "base64url").toString(),
      );
      return clock.now() > expiresAt ? "expired" : { caller };
    },
  };
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
