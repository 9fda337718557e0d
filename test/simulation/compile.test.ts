import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { compile } from "./compile.ts";

const make = () =>
  z.strictObject({
    name: z.string().check(z.minLength(2)),
    port: z._default(z.number(), 8080),
    labels: z.record(z.string(), z.object({ value: z.string(), hidden: z.optional(z.boolean()) })),
    stages: z.array(z.object({ kind: z.enum(["build", "test"]), minutes: z.prefault(z.number(), 5) })),
    owner: z.optional(z.union([z.string(), z.object({ team: z.string() })])),
    waves: z
      .readonly(z.object({ first: z.nullable(z.string()) }))
      .check(z.refine(({ first }) => first !== "")),
  });

const good = {
  name: "web",
  labels: { colour: { value: "blue", of: "nobody" } },
  stages: [{ kind: "build" }, { kind: "test", minutes: 1 }],
  owner: { team: "payments" },
  waves: { first: "staging" },
};

const inputs: readonly (readonly [string, unknown])[] = [
  ["all of it", good],
  ["no object", "web"],
  ["nothing", {}],
  ["a member that nobody knows", { ...good, colour: "blue" }],
  ["a name that is too short", { ...good, name: "w" }],
  ["a wrong member of a record", { ...good, labels: { colour: { value: 1 } } }],
  ["a wrong member in a list", { ...good, stages: [{ kind: "build" }, { kind: "run" }] }],
  ["an optional member of undefined", { ...good, owner: undefined }],
  ["neither of a union", { ...good, owner: { team: 1 } }],
  ["what its check refuses", { ...good, waves: { first: "" } }],
];

describe("a compiled schema", () => {
  it.each(inputs)("says the same of %s", (_what, input) => {
    const compiled = make();
    compile(compiled);
    const told = (schema: z.ZodMiniType) => {
      const { data, error } = schema.safeParse(input);
      return { data, members: Object.keys(Object(data)), issues: error?.issues };
    };
    expect(told(compiled)).toEqual(told(make()));
  });

  it("is read by compiled code, down to the innermost object", () => {
    const inner = z.object({ value: z.string() });
    const outer = z.object({ list: z.optional(z.array(inner)) });
    compile(outer);
    for (const schema of [outer, inner]) expect(schema).toBeInstanceOf(z.core.$ZodObjectJIT);
  });
});
