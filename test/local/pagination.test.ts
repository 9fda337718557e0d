import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPaginator, pageByName } from "../../local/pagination.ts";
import { AwsError } from "../../local/service.ts";

const refuse = () => new AwsError("InvalidToken", "no");
const names = fc.uniqueArray(
  fc.string({ minLength: 1, maxLength: 4 }).filter((text) => !/[\r\n\u2028\u2029]/.test(text)),
  {
    maxLength: 20,
  },
);
const sizes = fc.integer({ min: 1, max: 7 });

describe("pages", () => {
  it("give everything once, in its order, whatever their size", () => {
    fc.assert(
      fc.property(names, sizes, (items, size) => {
        const paginate = createPaginator({ now: () => 0 }, refuse);
        const seen: string[] = [];
        let token: string | undefined;
        do {
          const page = paginate(items, { of: ["List"], key: (name) => name, size, token });
          seen.push(...page.items);
          token = page.nextToken;
        } while (token !== undefined);
        expect(seen).toEqual(items);
      }),
    );
  });

  it("by name give everything once, sorted, and go on although things go meanwhile", () => {
    fc.assert(
      fc.property(names, sizes, (all, size) => {
        let things = all.map((name) => ({ name }));
        const seen: string[] = [];
        let token: string | undefined;
        do {
          const page = pageByName(things, { size, token }, refuse);
          seen.push(...page.items.map(({ name }) => name));
          token = page.nextToken;
          things = things.filter(({ name }) => !seen.includes(name));
        } while (token !== undefined);
        expect(seen).toEqual(all.toSorted());
      }),
    );
  });

  it("refuse what is no token of theirs", () => {
    const paginate = createPaginator({ now: () => 0 }, refuse);
    fc.assert(
      fc.property(fc.string(), (token) => {
        expect(() => paginate(["a"], { of: ["List"], key: String, size: 1, token })).toThrow(refuse());
        expect(() => pageByName([{ name: "a" }], { size: 1, token }, refuse)).toThrow(refuse());
      }),
    );
  });
});
