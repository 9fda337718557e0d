import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Answer, type AnswerRules, judgeAnswer } from "../../core/health.ts";

const commit = "3f2a91c5e7d80b1a2c4f6e8091a3b5c7d9e1f203";
const answer = (members: Partial<Answer & { answered: true }> = {}): Answer => ({
  at: 1000,
  answered: true,
  status: 200,
  latencyMilliseconds: 20,
  body: JSON.stringify({ status: "ok", commit }),
  ...members,
});
const complaint = (rules: Partial<AnswerRules>, given: Answer, expected: string | undefined = commit) =>
  judgeAnswer({ path: "/health", ...rules }, given, expected).complaint;

describe("one answer of a service", () => {
  it.each([
    [{}, { status: 204 }],
    [{ status: 301 }, { status: 301 }],
    [{ status: [200, 418] }, { status: 418 }],
    [{ bodyContains: '"ok"' }, {}],
    [{ maximumLatencyMilliseconds: 20 }, {}],
    [{ commitMember: "commit" }, {}],
    [{ commitMember: "commit" }, { body: `{"commit":"${commit.slice(0, 7)}"}` }],
  ])("is good by %j", (rules, members) => {
    expect(complaint(rules, answer(members))).toBeUndefined();
  });

  it.each([
    [{}, { status: 301 }, "/health answered HTTP 301"],
    [{ status: [204] }, {}, "/health answered HTTP 200"],
    [{ bodyContains: "ready" }, {}, 'a body that lacks "ready"'],
    [{ maximumLatencyMilliseconds: 19 }, {}, "after 20 ms; 19 ms are allowed"],
    [{ commitMember: "commit" }, { body: "<html>" }, "without a JSON member commit"],
    [{ commitMember: "commit" }, { body: "null" }, "without a JSON member commit"],
    [{ commitMember: "commit" }, { body: '{"commit":7}' }, "without a JSON member commit"],
    [{ commitMember: "commit" }, { body: '{"commit":"3f2a91"}' }, `by commit "3f2a91", not by ${commit}`],
  ])("is bad by %j, and says why", (rules, members, words) => {
    expect(complaint(rules, answer(members))).toContain(words);
  });

  it("says both commits when another one answers", () => {
    const said = complaint({ commitMember: "commit" }, answer({ body: '{"commit":"aaaaaaa"}' }));
    expect(said).toBe(`/health was answered by commit "aaaaaaa", not by ${commit}`);
  });

  it("compares no commit with that of an image without a label", () => {
    const unlabelled = judgeAnswer({ path: "/health", commitMember: "commit" }, answer(), undefined);
    expect(unlabelled.complaint).toBeUndefined();
  });

  it("keeps silence apart from a bad answer", () => {
    const silence: Answer = {
      answered: false,
      at: 1000,
      latencyMilliseconds: 5000,
      complaint: "no connection",
    };
    expect(judgeAnswer({ path: "/health" }, silence, commit)).toMatchObject({
      answered: false,
      complaint: "/health: no connection",
    });
  });

  it("takes a commit for ours exactly when one begins with 7 digits or more of the other", () => {
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(digits, fc.integer({ min: 1, max: 40 }), (other, length) => {
        const own = commit.slice(0, length);
        const good = (said: string) =>
          complaint({ commitMember: "commit" }, answer({ body: JSON.stringify({ commit: said }) })) ===
          undefined;
        expect(good(own)).toBe(length >= 7);
        expect(good(other)).toBe(other.length >= 7 && commit.startsWith(other));
      }),
    );
  });

  it("never keeps what the body says", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 100, max: 599 }), (secret, status) => {
        const seen = judgeAnswer(
          { path: "/health", bodyContains: "ready" },
          answer({ status, body: secret }),
          commit,
        );
        expect(JSON.stringify(seen)).not.toContain(secret);
      }),
    );
  });
});
