/**
 * The config and resources are most of what they are in, and nobody asks DynamoDB for a part of them: as a text in JSON
 * each takes less time to write and to read than as attributes of attributes.
 */
export function textsOf({ config, resources }: Readonly<Record<"config" | "resources", object>>) {
  return { config: JSON.stringify(config), resources: JSON.stringify(resources) };
}

/** What a text says in JSON. One that is none, and attributes, as earlier versions wrote them, stay what they are. */
export function fromText(stored: unknown): unknown {
  if (typeof stored !== "string") return stored;
  try {
    return JSON.parse(stored);
  } catch {
    return stored;
  }
}
