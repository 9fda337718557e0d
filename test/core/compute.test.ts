import { describe, expect, it } from "vitest";
import { computeOf } from "../../core/compute.ts";
import { type ConfigInput, parseConfig } from "../../core/config.ts";
import { smallConfig } from "../infra/small-config.ts";

type Service = ConfigInput["services"][string];

/** What is said of the small config after a change of its service. */
function said(change: (service: Service) => unknown): string {
  const config = structuredClone(smallConfig);
  const { web } = config.services;
  if (web === undefined) throw new Error("the small config has no web");
  change(web);
  try {
    parseConfig(config);
  } catch (error) {
    return String(error);
  }
  return "accepted";
}
const stage = (settings: object) => said(({ stages }) => Object.assign(stages["unit-tests"] ?? {}, settings));

describe("what a build runs on", () => {
  const compute = (computeType: "BUILD_GENERAL1_SMALL" | "BUILD_LAMBDA_2GB", platform: "amd64" | "arm64") =>
    computeOf({ computeType, image: undefined }, { platform: `linux/${platform}` });

  it("follows the platform of the service's image and the size, with the image that fits", () => {
    expect([
      compute("BUILD_GENERAL1_SMALL", "amd64"),
      compute("BUILD_GENERAL1_SMALL", "arm64"),
    ]).toMatchObject([
      { type: "LINUX_CONTAINER", image: expect.stringContaining("x86_64-standard") },
      { type: "ARM_CONTAINER", image: expect.stringContaining("aarch64-standard") },
    ]);
    expect([compute("BUILD_LAMBDA_2GB", "amd64"), compute("BUILD_LAMBDA_2GB", "arm64")]).toMatchObject([
      { type: "LINUX_LAMBDA_CONTAINER", image: expect.stringContaining("x86_64-lambda"), isLambda: true },
      { type: "ARM_LAMBDA_CONTAINER", image: expect.stringContaining("aarch64-lambda"), isLambda: true },
    ]);
  });

  it("may be Lambda compute, an image of one's own, and a network", () => {
    expect(stage({ computeType: "BUILD_LAMBDA_1GB" })).toBe("accepted");
    expect(stage({ image: "public.ecr.aws/docker/library/node:24" })).toBe("accepted");
    expect(stage({ network: true, computeType: "BUILD_GENERAL1_MEDIUM" })).toBe("accepted");
  });

  it.each([
    [
      "runs longer than Lambda does",
      { computeType: "BUILD_LAMBDA_1GB", timeoutMinutes: 20 },
      /unit-tests: BUILD_LAMBDA_1GB is Lambda compute, which ends every build after 15 minutes; say timeoutMinutes: 15/,
    ],
    [
      "would be in a network, on Lambda",
      { computeType: "BUILD_LAMBDA_1GB", network: true },
      /cannot be in a network of yours; choose a BUILD_GENERAL1_ size/,
    ],
    [
      "has Lambda's image and not its compute",
      { image: "aws/codebuild/amazonlinux-x86_64-lambda-standard:nodejs22" },
      /is one for Lambda compute, and BUILD_GENERAL1_SMALL is not; leave image out/,
    ],
    [
      "has Lambda's compute and not its image",
      { computeType: "BUILD_LAMBDA_1GB", image: "aws/codebuild/standard:7.0" },
      /is not one for Lambda compute, and BUILD_LAMBDA_1GB is; leave image out/,
    ],
    [
      "has an image of another platform",
      { image: "aws/codebuild/amazonlinux-aarch64-standard:3.0" },
      /is not for linux\/amd64, the platform of the service/,
    ],
  ])("is refused in words if it %s", (_, settings, words) => {
    expect(stage(settings)).toMatch(words);
  });

  it("cannot be Lambda where images are built", () => {
    const build = { buildspec: "build.yml", computeType: "BUILD_LAMBDA_10GB" } as const;
    expect(said((service) => Object.assign(service, { build }))).toMatch(
      /services\.web\.build: BUILD_LAMBDA_10GB is Lambda compute, which runs no container engine/,
    );
    const long = { ...build, timeoutMinutes: 30 };
    expect(said((service) => Object.assign(service, { build: long }))).toMatch(
      /services\.web\.build: BUILD_LAMBDA_10GB is Lambda compute, which ends every build after 15 minutes/,
    );
  });
});
