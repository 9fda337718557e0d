import { RefusalError } from "./refusal.ts";

/**
 * Fills the templates of `docker inspect --format` that buildspecs use: `{{.Id}}`, `{{json .Config.Labels}}`,
 * `{{index .RepoDigests 0}}`. @throws RefusalError for any other.
 */
export function fillTemplate(template: string, value: Readonly<Record<string, unknown>>): string {
  return template.replaceAll(/\{\{(.*?)\}\}/g, (_, expression: string) => evaluate(expression.trim(), value));
}

function evaluate(expression: string, value: unknown): string {
  const [, how = "", path = "", key] =
    /^(?:(json|index)\s+)?((?:\.\w+)+)(?:\s+(\d+|"[^"]*"))?$/.exec(expression) ?? [];
  if (path === "" || (how === "index") !== (key !== undefined))
    throw new RefusalError(
      `docker inspect: {{${expression}}} is no template that is known here; there are {{.A.B}}, {{json .A.B}} and {{index .A.B KEY}}.`,
    );
  let found: unknown = value;
  const names = path.slice(1).split(".");
  for (const name of key === undefined ? names : [...names, key.replaceAll('"', "")]) {
    found = typeof found === "object" && found !== null ? Reflect.get(found, name) : undefined;
  }
  if (how === "json") return JSON.stringify(found ?? null);
  if (found === undefined && how === "index")
    throw new RefusalError(`docker inspect: {{${expression}}}: there is nothing there.`);
  return typeof found === "object" ? JSON.stringify(found) : String(found ?? "<no value>");
}
