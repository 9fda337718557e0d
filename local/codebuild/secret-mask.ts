/** Hides secrets in what is logged. */
export interface SecretMask {
  /** Remembers a secret. @returns it. */
  add(secret: string): string;
  /** The text with `***` for every secret in it. */
  apply(text: string): string;
  /** Of the longest secret, in characters. */
  readonly longest: number;
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
    get longest() {
      return Math.max(0, ...[...secrets].map(({ length }) => length));
    },
  };
}

/** Takes lines as they come, and gives them on with their secrets hidden. */
export interface MaskedLines {
  /** @param isCut whether the line goes on in the next one. */
  write(line: string, isCut: boolean): void;
  /** Gives on what was held back. */
  flush(): void;
}

/**
 * Hides secrets in lines, also one that lies where a line was cut because it is too long: the end of such a piece
 * is held back until the next one has come.
 */
export function createMaskedLines(mask: SecretMask, onLine: (line: string) => void): MaskedLines {
  let held = "";
  const flush = () => {
    if (held !== "") onLine(mask.apply(held));
    held = "";
  };
  return {
    write(line, isCut) {
      const text = held + line;
      held = "";
      if (!isCut || mask.longest === 0) return onLine(mask.apply(text));
      // What is masked before it is split cannot be split again; what is held back may be the start of a secret.
      const masked = mask.apply(text);
      held = masked.slice(-mask.longest);
      if (masked.length > mask.longest) onLine(masked.slice(0, -mask.longest));
    },
    flush,
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
