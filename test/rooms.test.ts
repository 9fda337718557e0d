import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../core/config.ts";
import { describeApplication } from "../infra/application.ts";
import config from "../spillway.config.ts";

const root = resolve(import.meta.dirname, "..");
const files = (room: string): string[] =>
  readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(room, file));
const source = (file: string) => readFileSync(join(root, file), "utf8");
/** What a file imports: paths from the root for our own files, names for packages. */
const imports = (file: string): string[] =>
  [...source(file).matchAll(/^(?:import|export)\s[^"]*?from "([^"]+)"|\bimport\("([^"]+)"\)/gm)]
    .map(([, named, dynamic]) => named ?? dynamic ?? "")
    .map((name) => (name.startsWith(".") ? relative(root, resolve(root, dirname(file), name)) : name));

const rules: { room: string; may: RegExp; why: string }[] = [
  {
    room: "core",
    may: /^(zod\/(mini|locales)$|rrule-temporal$|core\/)/,
    why: "decisions are pure, and so are the calendar's",
  },
  {
    room: "aws",
    may: /^(zod\/mini$|core\/|aws\/|@aws-sdk\/|@smithy\/|node:crypto$)/,
    why: "the hands know AWS and the words of core",
  },
  {
    room: "functions",
    may: /^(zod\/mini$|core\/|aws\/|functions\/|@middy\/core$|@aws-lambda-powertools\/|aws-lambda$)/,
    why: "a door parses, calls and returns",
  },
  { room: "local/asl", may: /^(jsonata$|local\/asl\/|node:)/, why: "the engine stands alone" },
];

describe("the rooms of the house", () => {
  it.each(rules)("$room imports only what it may: $why", ({ room, may }) => {
    const strays = files(room).flatMap((file) =>
      imports(file)
        .filter((name) => !may.test(name))
        .map((name) => `${file} imports ${name}`),
    );
    expect(strays).toEqual([]);
  });

  it("keeps local/ away from functions/, core/ and aws/, and infra/ to provisioning", () => {
    const strays = files("local").flatMap((file) =>
      imports(file)
        .filter(
          (name) =>
            /^(functions|core|aws)\//.test(name) ||
            (name.startsWith("infra/") && !/^local\/provision(-roles|-members)?\.ts$/.test(file)),
        )
        .map((name) => `${file} imports ${name}`),
    );
    expect(strays).toEqual([]);
  });

  it("keeps the description of an installation free of SST, so that a laptop can read it", () => {
    const described = [
      "application.ts",
      "event-rules.ts",
      "permissions.ts",
      "arns.ts",
      "members.ts",
      "resource-policies.ts",
      "roles.ts",
      "checks.ts",
      "deployer.ts",
      "wildcards.ts",
      "repository-names.ts",
      "render.ts",
    ];
    const strays = described.flatMap((file) =>
      imports(`infra/${file}`)
        .filter(
          (name) =>
            !/^(core|infra)\//.test(name) ||
            (name.startsWith("infra/") && !described.includes(name.slice(6))),
        )
        .map((name) => `${file} imports ${name}`),
    );
    expect(strays).toEqual([]);
    for (const file of described)
      expect(source(`infra/${file}`), file).not.toMatch(/\bnew (aws|sst)\.|\$(app|util|cli)\b/);
  });

  // The conformance runner is a client of the local AWS, as its users are.
  it("makes SDK clients in aws/ only", () => {
    const strays = ["core", "functions", "infra", "local"].flatMap((room) =>
      files(room).filter(
        (file) => !file.startsWith("local/conformance/") && /new \w+Client\(/.test(source(file)),
      ),
    );
    expect(strays).toEqual([]);
  });

  it("lets core/ touch nothing: no time, chance, environment or console of its own", () => {
    const touches = /\b(Date\.now|new Date\(\)|Math\.random|process\.|console\.|fetch\(|setTimeout)/;
    expect(files("core").filter((file) => touches.test(source(file)))).toEqual([]);
  });
});

describe("one name for one thing", () => {
  const application = describeApplication(parseConfig(config), "spillway");
  const machines = Object.values(application.machines).map((file) => source(file));

  /** Every Task that invokes a function, with its placeholder. */
  const tasks = machines.flatMap((text) => {
    const found: { state: string; placeholder: string }[] = [];
    JSON.parse(text, (_key, value: unknown) => {
      if (typeof value !== "object" || value === null) return value;
      for (const [state, inner] of Object.entries(value)) {
        const name: unknown = inner?.Arguments?.FunctionName;
        if (typeof name === "string") found.push({ state, placeholder: name });
      }
      return value;
    });
    return found;
  });

  it("calls from every Task state the function of its own name", () => {
    expect(tasks.length).toBeGreaterThan(10);
    for (const { state, placeholder } of tasks) expect(placeholder).toBe(`\${${state}}`);
  });

  it("describes exactly the functions that states, rules and people use", () => {
    const used = [
      ...application.functions.flatMap(({ name, functionUrl }) => (functionUrl === undefined ? [] : [name])),
      ...tasks.map(({ state }) => state),
      ...application.rules.flatMap(({ target }) => ("function" in target ? [target.function] : [])),
      ...(application.removal === undefined ? [] : [application.removal.function]),
    ];
    expect(application.functions.map(({ name }) => name).toSorted()).toEqual([...new Set(used)].toSorted());
  });

  it("names each function's file, definition and logs alike", async () => {
    for (const { name, file } of application.functions) {
      expect(source(file), file).toContain(`name: "${name}"`);
      const module: Record<string, unknown> = await import(join(root, file));
      expect(module.handler, file).toBeTypeOf("function");
      expect(Object.keys(module), file).toContain(name.charAt(0).toLowerCase() + name.slice(1));
    }
  });

  it("gives every Task a Comment, a timeout and retries that never wait for a timeout again", () => {
    for (const text of machines)
      JSON.parse(text, (key, value: unknown) => {
        if (typeof value !== "object" || value === null || !("Type" in value) || value.Type !== "Task")
          return value;
        expect(value, key).toHaveProperty("Comment");
        expect(value, key).toHaveProperty("TimeoutSeconds");
        const retried: string[] = ("Retry" in value && Array.isArray(value.Retry) ? value.Retry : []).flatMap(
          ({ ErrorEquals }) => ErrorEquals,
        );
        expect(retried, key).not.toContain("States.Timeout");
        expect(retried, key).not.toContain("States.ALL");
        return value;
      });
  });
});
