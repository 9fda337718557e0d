const decoder = new TextDecoder();

const read = new WeakMap<Uint8Array, unknown>();

/**
 * A body in JSON, read once however many look at it: whoever reads it leaves it as it is.
 * @throws SyntaxError if it is none.
 */
export function readJson(body: Uint8Array): unknown {
  const known = read.get(body);
  if (known !== undefined) return known;
  const value: unknown = JSON.parse(decoder.decode(body));
  read.set(body, value);
  return value;
}
