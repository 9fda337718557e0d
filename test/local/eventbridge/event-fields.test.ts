import fc from "fast-check";
import { expect, it } from "vitest";
import { eventFields, lookUpFields } from "../../../local/eventbridge/event-fields.ts";

const member = fc.constantFrom("a", "b", "detail", "", "a.b");
const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
const { json } = fc.letrec((tie) => ({
  json: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie("json")), fc.dictionary(member, tie("json"))),
}));

it("finds of an event, where a field is looked up by itself, what there is when all are", () => {
  const event = fc.record({ source: leaf, resources: fc.array(fc.string()), a: json, detail: json });
  fc.assert(
    fc.property(event, (one) => {
      const [all, some] = [eventFields(one), lookUpFields(one)];
      const valuesOf = (found: typeof all, name: string) =>
        (found.get(name) ?? []).map(({ value, elements }) => [value, [...elements.values()]]);
      const names = ["source", "resources", "version", "a", "a.b", "a.a.b", "detail", "detail.a"];
      for (const name of [...names, "detail.", "detail.a.b", "detail.b.a", "detail.detail", "source.a"])
        expect(valuesOf(some, name), name).toEqual(valuesOf(all, name));
    }),
  );
});
