/** Hides secrets in what is logged. */
export interface SecretMask {
  /** Remembers a secret. @returns it. */
  add(secret: string): string;
  /** The text with `***` for every secret in it. */
  apply(text: string): string;
}

/** Shorter values would hide half of every log and protect nothing. */
const SHORTEST_SECRET = 3;

/** In another form a short value would be found in what is no secret. */
const SHORTEST_IN_ANOTHER_FORM = 8;

/**
 * Makes a mask that knows no secret yet. As CodeBuild does, it hides whole values; beyond that, each line of a
 * value of several, and a value in base64, in a URL or in JSON.
 */
export function createSecretMask(): SecretMask {
  const secrets = new Set<string>();
  return {
    add(secret) {
      const value = secret.trim();
      // A log has lines, so a secret of several is hidden line by line.
      for (const line of value.split("\n"))
        if (line.trim().length >= SHORTEST_SECRET) secrets.add(line.trim());
      if (value.length >= SHORTEST_IN_ANOTHER_FORM) for (const form of otherForms(value)) secrets.add(form);
      return secret;
    },
    apply(text) {
      let masked = text;
      // The longest first: a secret that is a part of another one would leave the rest of it in sight.
      for (const secret of [...secrets].toSorted((one, other) => other.length - one.length))
        masked = masked.replaceAll(secret, "***");
      return masked;
    },
  };
}

function otherForms(value: string): string[] {
  const base64 = Buffer.from(value).toString("base64");
  return [
    base64.replace(/=+$/, ""),
    Buffer.from(value).toString("base64url"),
    encodeURIComponent(value.toWellFormed()),
    JSON.stringify(value).slice(1, -1),
  ];
}
