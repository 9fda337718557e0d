import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideAdmission, readRequest, releaseId } from "../../core/admission.ts";

const digest = `sha256:${"3f".repeat(32)}`;
const push = (detail: object = {}) => ({
  version: "0",
  source: "aws.ecr",
  "detail-type": "ECR Image Action",
  account: "111111111111",
  resources: [],
  detail: {
    "action-type": "PUSH",
    result: "SUCCESS",
    "repository-name": "web",
    "image-digest": digest,
    "image-tag": "3f2a91c",
    ...detail,
  },
});

describe("the three ways in", () => {
  it("reads a push", () => {
    expect(readRequest(push())).toEqual({
      trigger: "push",
      subject: { repository: "web" },
      image: { digest, tag: "3f2a91c" },
      force: false,
    });
  });
  it("reads what a person types in the console", () => {
    expect(readRequest({ service: "web", tag: "3f2a91c" })).toEqual({
      trigger: "console",
      subject: { service: "web" },
      image: { tag: "3f2a91c" },
      force: false,
    });
  });
  it("reads an event of another system", () => {
    const event = {
      id: "1",
      source: "ci",
      "detail-type": "Release Requested",
      detail: { service: "web", digest },
    };
    expect(readRequest(event)).toMatchObject({ trigger: "event", event: "1", image: { digest } });
  });

  it.each([
    ["a child manifest without a tag", push({ "image-tag": "" }), /no tag/],
    ["a deleted image", push({ "action-type": "DELETE" }), /Only a successful PUSH/],
    ["a malformed digest", push({ "image-digest": "sha256:short" }), /64 hexadecimal digits/],
    [
      "a console start without an image",
      { service: "web" },
      /Say which image: for example \{"service":"web","tag":"3f2a91c"\}/,
    ],
    ["a typo", { service: "web", tga: "3f2a91c" }, /tga/],
    ["another event", { "detail-type": "Something Else" }, /not from "Something Else"/],
    ["nothing", null, /for example/],
  ])("refuses %s in plain words", (_what, input, words) => {
    expect(() => readRequest(input)).toThrow(
      expect.objectContaining({ name: "InvalidInput", message: expect.stringMatching(words) }),
    );
  });

  it("never throws anything but InvalidInput, whatever comes", () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        try {
          readRequest(input);
        } catch (error) {
          expect(error).toHaveProperty("name", "InvalidInput");
        }
      }),
    );
  });
});

describe("sameness", () => {
  const latest = (open: boolean) => ({ attempt: 2, executionArn: "arn:first", open });

  it("opens the first attempt", () =>
    expect(decideAdmission("push", "arn:me", undefined)).toEqual({
      decision: "admit",
      attempt: 1,
      again: false,
    }));
  it("recognises its own execution", () =>
    expect(decideAdmission("push", "arn:first", latest(true))).toEqual({
      decision: "admit",
      attempt: 2,
      again: true,
    }));
  it("makes one release of a push that is told twice", () =>
    expect(decideAdmission("push", "arn:me", latest(false))).toMatchObject({ decision: "duplicate" }));
  it("lets a person try again once the last attempt ended", () =>
    expect(decideAdmission("console", "arn:me", latest(false))).toMatchObject({
      decision: "admit",
      attempt: 3,
    }));
  it("does not let two people release the same image at once", () =>
    expect(decideAdmission("console", "arn:me", latest(true))).toMatchObject({ decision: "duplicate" }));
  it("names a release by service, digest and attempt", () =>
    expect(releaseId("web", digest, 2)).toBe("web-3f3f3f3f3f3f-2"));
});
