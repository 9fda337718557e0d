import { randomInt } from "node:crypto";

/** A short link as it is stored. */
export interface Link {
  readonly code: string;
  readonly url: string;
  readonly createdAt: Date;
  /** How often it was followed. */
  readonly hits: number;
}

/** What a person entered cannot become a link. The message is meant for that person. */
export class InvalidLinkError extends Error {
  override readonly name = "InvalidLinkError";
}

const LONGEST_URL = 2_000;
// Without letters that are easily taken for one another when read aloud or copied by hand.
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const CODE_LENGTH = 7;

/**
 * The address a short link leads to, in its normal form. Throws InvalidLinkError for anything but an
 * http or https address without user name and password.
 */
export function parseTarget(value: unknown): string {
  if (typeof value !== "string" || value.trim() === "") {
    throw new InvalidLinkError('Give an address in the field "url", such as https://example.org/.');
  }
  if (value.length > LONGEST_URL) {
    throw new InvalidLinkError(`The address is longer than ${LONGEST_URL} characters.`);
  }
  const url = URL.parse(value.trim());
  if (url === null) throw new InvalidLinkError("This is not a complete address; begin with https://.");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new InvalidLinkError("Only http and https addresses can be shortened.");
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidLinkError("The address contains a user name or password; leave it out.");
  }
  // Campaigns add parameters that track who follows a link; they are not ours to keep.
  url.search = "";
  return url.href;
}

/** A new code, hard to guess: seven letters and digits. */
export function createCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}

/** Whether `text` could be a code, so that other paths never reach the database. */
export function isCode(text: string): boolean {
  return text.length === CODE_LENGTH && [...text].every((letter) => ALPHABET.includes(letter));
}
