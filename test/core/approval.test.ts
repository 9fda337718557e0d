import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Approval,
  giveApproval,
  isApproved,
  isAskedBy,
  rejectApproval,
  requestApproval,
  stateOfApproval,
} from "../../core/approval.ts";
import { ApprovalConfig } from "../../core/config.ts";
import { SpillwayError } from "../../core/errors.ts";
import { isNamed, type Person, readPerson } from "../../core/person.ts";

const hour = 3_600_000;
const digest = `sha256:${"a".repeat(64)}`;
const names = ["ada", "ben", "cem", "dua"] as const;
/** Each of four people, by one of the ways in which they come. */
const arns = fc
  .tuple(fc.constantFrom(...names), fc.constantFrom("user", "sso", "sso2"))
  .map(([name, way]) =>
    way === "user"
      ? `arn:aws:iam::123456789012:user/${name}`
      : `arn:aws:sts::${way === "sso" ? "123456789012" : "999999999999"}:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/${name}@example.com`,
  );

const personOf = (arn: string): Person => {
  const person = readPerson(arn);
  if (person === undefined) throw new Error(arn);
  return person;
};
const ask = (demands: object, requester?: string, existing?: Approval, attempt = 1, now = 0) =>
  requestApproval(
    existing,
    {
      ...{ service: "web", environment: "production", digest, release: "web-1", attempt, requester },
      demands: ApprovalConfig.parse(demands),
    },
    now,
  );

function attempt(change: () => Approval, before: Approval): Approval {
  try {
    return change();
  } catch (error) {
    expect(error).toBeInstanceOf(SpillwayError);
    return before;
  }
}

describe("an approval", () => {
  const words = fc.array(
    fc.record({ arn: arns, at: fc.integer({ min: 0, max: 4 * hour }), rejects: fc.boolean() }),
    { maxLength: 12 },
  );
  const demands = fc.record({ count: fc.integer({ min: 1, max: 3 }), selfApproval: fc.boolean() });

  it("is granted exactly when enough different people gave theirs in time, none of them its author", () => {
    fc.assert(
      fc.property(
        words,
        demands,
        fc.option(fc.constantFrom(...names), { nil: undefined }),
        (said, wanted, author) => {
          let approval = ask({ ...wanted, expiresAfterHours: 3 }, author);
          const inOrder = said.toSorted((one, other) => one.at - other.at);
          for (const { arn, at, rejects } of inOrder) {
            const word = { person: personOf(arn), userArn: arn, at, reason: undefined };
            const decide = rejects ? rejectApproval : giveApproval;
            approval = attempt(() => decide(approval, word), approval);
          }
          const { given, grantedAt, rejected } = approval;
          const people = given.map(({ person, name }) => ({ arn: person, name }));
          expect(given.length).toBeLessThanOrEqual(wanted.count);
          expect(grantedAt !== undefined).toBe(given.length === wanted.count);
          expect(grantedAt === undefined || rejected === undefined).toBe(true);
          // However they come, the four have four names.
          const theirs = people.map(({ name }) => name?.split("@")[0]);
          expect(new Set(theirs).size).toBe(people.length);
          if (author !== undefined && !wanted.selfApproval)
            expect(people.some((person) => isNamed(person, author))).toBe(false);
          for (const { at } of given) expect(at).toBeLessThan(3 * hour);
          const granted = grantedAt === undefined ? undefined : { digest, grantedAt, given };
          expect(isApproved(granted, approval.demands, digest)).toBe(grantedAt !== undefined);
          expect(isApproved(granted, approval.demands, `sha256:${"b".repeat(64)}`)).toBe(false);
        },
      ),
    );
  });

  it("counts one user of IAM Identity Center once, whatever the account", () => {
    const [one, other] = ["123456789012", "999999999999"].map(
      (account) => `arn:aws:sts::${account}:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/ada@example.com`,
    );
    const word = (userArn = "") => ({ person: personOf(userArn), userArn, at: 1, reason: undefined });
    const first = giveApproval(ask({ count: 2 }), word(one));
    expect(() => giveApproval(first, word(other))).toThrow("approved this already");
  });

  it("holds for another attempt for as long as people had to give it, and is asked anew after that", () => {
    const userArn = "arn:aws:iam::123456789012:user/ben";
    const word = { person: personOf(userArn), userArn, at: hour, reason: undefined };
    const granted = giveApproval(ask({ expiresAfterHours: 2 }), word);
    const second = ask({ expiresAfterHours: 2 }, undefined, granted, 2, 2 * hour);
    expect(stateOfApproval(second, 2 * hour)).toBe("granted");
    expect(second.version).toBe(granted.version + 1);
    const third = ask({ expiresAfterHours: 2 }, undefined, second, 3, 3 * hour);
    expect(third).toMatchObject({ given: [], version: second.version + 1, waiting: [{ attempt: 3 }] });
  });

  it.each([{ count: 2 }, { by: ["*"] }, { selfApproval: true }, { expiresAfterHours: 2 }])(
    "is asked anew where the config demands something else by now: %j",
    (changed) => {
      const asked = ask({});
      const again = ask(changed, undefined, asked, 2);
      expect(again).toMatchObject({ demands: changed, given: [], version: 2, waiting: [{ attempt: 2 }] });
      expect(isAskedBy(again, asked.demands)).toBe(false);
      expect(ask({}, undefined, asked, 2).waiting).toHaveLength(2);
    },
  );

  it("is the same for a retry of the state that asked", () => {
    const asked = ask({});
    expect(ask({}, undefined, asked)).toBe(asked);
  });

  it.each([
    ["arn:aws:iam::123456789012:user/ada", true],
    ["arn:aws:iam::*:user/*", true],
    ["*", true],
    ["arn:aws:iam::123456789012:user/a*a*a", false],
    ["arn:aws:iam::123456789012:user/*/ada", false],
    ["arn:aws:iam::123456789012:user/ad", false],
  ])("may be given by ada where %s may: %s", (pattern, may) => {
    const userArn = "arn:aws:iam::123456789012:user/ada";
    const word = { person: personOf(userArn), userArn, at: 1, reason: undefined };
    const give = () => giveApproval(ask({ by: [pattern] }), word);
    if (may) expect(give().grantedAt).toBe(1);
    else expect(give).toThrow("none of those who may");
  });
});
