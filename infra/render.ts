/** The placeholders of a state machine's file: `${RunStage}` → RunStage. */
export function placeholdersOf(source: string): string[] {
  return [...new Set([...source.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => name))];
}

/** Puts ARNs for the placeholders of a state machine. @throws Error naming the placeholder that has none. */
export function render(source: string, values: Readonly<Record<string, string>>, file: string): string {
  return source.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new Error(`${file} has a placeholder \${${name}}, which infra/application.ts does not describe.`);
    return value;
  });
}
