/** Hides secrets in what is logged. */
export interface SecretMask {
  /** Remembers a secret. @returns it. */
  add(secret: string): string;
  /** The text with `***` for every secret in it. */
  apply(text: string): string;
}

/** Shorter values would hide half of every log and protect nothing. */
const SHORTEST_SECRET = 3;

/** Makes a mask that knows no secret yet. As CodeBuild does, it hides whole values only. */
export function createSecretMask(): SecretMask {
  const secrets = new Set<string>();
  return {
    add(secret) {
      // A log has lines, so a secret of several is hidden line by line.
      for (const line of secret.split("\n"))
        if (line.trim().length >= SHORTEST_SECRET) secrets.add(line.trim());
      return secret;
    },
    apply(text) {
      let masked = text;
      for (const secret of secrets) masked = masked.replaceAll(secret, "***");
      return masked;
    },
  };
}
