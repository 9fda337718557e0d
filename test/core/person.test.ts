import { describe, expect, it } from "vitest";
import { isNamed, isSamePerson, type Person, readPerson } from "../../core/person.ts";

const account = "123456789012";
const person = (arn: string): Person => {
  const read = readPerson(arn);
  if (read === undefined) throw new Error(`nobody is ${arn}`);
  return read;
};
const directoryUser = (set: string, id: string, name: string, at = account) =>
  person(`arn:aws:sts::${at}:assumed-role/AWSReservedSSO_${set}_${id}/${name}`);

describe("the person behind an ARN", () => {
  it("is a user by the user's own name", () => {
    expect(person(`arn:aws:iam::${account}:user/team/ada`).name).toBe("ada");
    expect(person(`arn:aws:iam::${account}:root`)).toEqual({
      arn: `arn:aws:iam::${account}:root`,
      name: undefined,
    });
  });

  it("is the role and not the session, whose name its maker chooses", () => {
    const [one, other] = ["ada", "ben"].map((name) =>
      person(`arn:aws:sts::${account}:assumed-role/Deployers/${name}`),
    );
    expect(one).toEqual({ arn: `arn:aws:iam::${account}:role/Deployers`, name: undefined });
    expect(one && other && isSamePerson(one, other)).toBe(true);
  });

  it("is one user of IAM Identity Center, by whatever permission set and in whatever account", () => {
    const one = directoryUser("Admin", "0123456789abcdef", "ada@example.com");
    expect(one.arn).toBe(`arn:aws:sts::${account}:assumed-role/AWSReservedSSO_Admin/ada@example.com`);
    expect(
      isSamePerson(one, directoryUser("Ops", "fedcba9876543210", "Ada@example.com", "999999999999")),
    ).toBe(true);
    expect(isSamePerson(one, directoryUser("Admin", "0123456789abcdef", "ben@example.com"))).toBe(false);
  });

  it("is nobody for what is no caller's ARN", () => {
    for (const arn of [
      "",
      "ada",
      "arn:aws:iam::1:role/x",
      "arn:aws:sts::1:assumed-role/x",
      "arn:aws:iam::1:user/",
    ])
      expect(readPerson(arn), arn).toBeUndefined();
  });

  it("is one of all whom a user may name with GetFederationToken", () => {
    const one = person(`arn:aws:sts::${account}:federated-user/ada`);
    expect(isSamePerson(one, person(`arn:aws:sts::${account}:federated-user/ben`))).toBe(true);
  });

  it("is the author of a commit by the same name, or the address with that name", () => {
    const ada = person(`arn:aws:iam::${account}:user/ada`);
    for (const name of ["ada", "Ada", "ada@example.com", ada.arn])
      expect(isNamed(ada, name), name).toBe(true);
    for (const name of ["ben", "ada2@example.com", ""]) expect(isNamed(ada, name), name).toBe(false);
    const address = directoryUser("Admin", "0123456789abcdef", "ada@example.com");
    expect(isNamed(address, "ada@example.org")).toBe(false);
    expect(isNamed(person(`arn:aws:sts::${account}:assumed-role/Deployers/ada`), "ada")).toBe(false);
  });
});
