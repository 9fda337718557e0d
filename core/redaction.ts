const hidden = "***";

/**
 * A line that a program printed, without what looks like a secret in it: programs that cannot reach their database
 * like to print its URL. No function of ours knows the value of a secret, so this goes by form: the password of a URL
 * (plain, escaped, percent-encoded, in base64), what follows a name such as PASSWORD or token, and long random text.
 * A short secret that stands alone looks like any word, and stays.
 * @param line untrusted; may be cut anywhere. Give it whole and cut it afterwards, or half a secret is not seen.
 */
export function hideSecrets(line: string): string {
  return hideNamed(line).replace(codeRun, (run) => (isOpaque(run) || holdsSecret(run) ? hidden : run));
}

function hideNamed(text: string): string {
  return text
    .replace(urlPassword, `$1${hidden}@`)
    .replace(urlCut, `$1${hidden}`)
    .replace(urlToken, `$1${hidden}@`)
    .replace(encodedUrlPassword, `$1${hidden}$2`)
    .replace(bearer, `$1${hidden}`)
    .replace(named, `$1${hidden}`);
}

// Every repetition has a bound, so that no line can keep us busy.
/** `://user:password@`; to the last `@`, because people forget to encode the one in their password. */
const urlPassword = /(:\\*\/\\*\/[^\s:/@[]{0,200}:)(?!\d{1,5}[/?#])\S{1,4000}@/g;
/** The same where the line ends before the host; what could be a port is left. */
const urlCut = /(:\\*\/\\*\/[^\s:/@[]{0,200}:)(?!\*{3}@|\d{1,5}(?:[^\w%-]|$))[^\s/@]{1,4000}\S{0,4000}/g;
/** `://token@`: too long for the name of a user. */
const urlToken = /(:\\*\/\\*\/)[^\s:/@]{20,4000}@/g;
const encodedUrlPassword =
  /(%(?:25){0,3}3A%(?:25){0,3}2F%(?:25){0,3}2F(?:(?!%(?:25){0,3}(?:3A|40|2F))[^\s&"]){0,200}%(?:25){0,3}3A)[^\s&"]{1,4000}(%(?:25){0,3}40)/gi;
const bearer = /\b((?:Bearer|Basic) {1,4})(?=[^\s"']{0,4000}\d)[^\s"',]{8,4000}/gi;
/** `PGPASSWORD=x`, `"apiKey": "x"`, `--token=x`; words that say what is wrong with a secret are none. */
const named =
  /((?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|authorization|(?:api|access|private|secret)[_-]?key)\\*["']?\s{0,4}[=:]\s{0,4}(?:\\*["'])?)(?!(?:undefined|null|none|true|false|missing|required|expired|invalid|unexpected)\b|\*{3})(?:(?<=\\["'])[^"']{1,4000}|(?<=")(?:\\.|[^"\\]){1,4000}|(?<=')(?:\\.|[^'\\]){1,4000}|(?<![\\"'])[^\s"'&]{4,4000})/gi;

/** What may be a code: base64, base64url, a random token. */
const codeRun = /[A-Za-z0-9+/_-]{16,}={0,2}/g;

/** Whether a URL's password, or something named as a secret, is encoded in it, at whatever place it begins. */
function holdsSecret(run: string): boolean {
  return [0, 1, 2, 3].some((from) => {
    const text = decode(run.replace(/=+$/, "").slice(from));
    return hideNamed(text) !== text;
  });
}

function decode(base64: string): string {
  const whole = base64.length % 4 === 1 ? base64.slice(0, -1) : base64;
  return atob(whole.replaceAll("-", "+").replaceAll("_", "/"));
}

/**
 * Whether it changes between capitals, small letters and digits far more often than names and paths do. Digests,
 * commits and ids of AWS have no capitals.
 */
function isOpaque(run: string): boolean {
  const kinds = [...run].map(kindOf).filter((kind) => kind !== "mark");
  const changes = kinds.filter((kind, index) => index > 0 && kind !== kinds[index - 1]).length;
  return kinds.length >= 24 && new Set(kinds).size === 3 && changes >= kinds.length * 0.4;
}

function kindOf(character: string): "capital" | "small" | "digit" | "mark" {
  if (character >= "A" && character <= "Z") return "capital";
  if (character >= "a" && character <= "z") return "small";
  return character >= "0" && character <= "9" ? "digit" : "mark";
}
