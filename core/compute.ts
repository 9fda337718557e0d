import type { BuildConfig, ServiceConfig } from "./config.ts";

/** What CodeBuild runs a build on, in its own words. */
export interface Compute {
  readonly type: "LINUX_CONTAINER" | "ARM_CONTAINER" | "LINUX_LAMBDA_CONTAINER" | "ARM_LAMBDA_CONTAINER";
  readonly computeType: BuildConfig["computeType"];
  readonly image: string;
  /** Whether it is a Lambda function: up within seconds, but nothing that a function could not do. */
  readonly isLambda: boolean;
}

/** Every compute type that is a Lambda function. */
const lambda = /^BUILD_LAMBDA_/;
/** Of Lambda; CodeBuild takes no other timeout for it. */
const lambdaMinutes = 15;

const managedImages: Readonly<Record<Compute["type"], string>> = {
  LINUX_CONTAINER: "aws/codebuild/amazonlinux-x86_64-standard:5.0",
  ARM_CONTAINER: "aws/codebuild/amazonlinux-aarch64-standard:3.0",
  LINUX_LAMBDA_CONTAINER: "aws/codebuild/amazonlinux-x86_64-lambda-standard:nodejs22",
  ARM_LAMBDA_CONTAINER: "aws/codebuild/amazonlinux-aarch64-lambda-standard:nodejs22",
};

/** What a build runs on: of the platform of the images that the service is made of. */
export function computeOf(
  { computeType, image }: Pick<BuildConfig, "computeType" | "image">,
  { platform }: Pick<ServiceConfig["image"], "platform">,
): Compute {
  const isLambda = lambda.test(computeType);
  const type =
    `${platform === "linux/arm64" ? "ARM" : "LINUX"}${isLambda ? "_LAMBDA" : ""}_CONTAINER` as const;
  return { type, computeType, image: image ?? managedImages[type], isLambda };
}

/** Tells where a config asks something of CodeBuild that it would refuse, or take and not do. */
export function checkCompute(service: ServiceConfig, report: (path: string, message: string) => void): void {
  for (const [stage, settings] of Object.entries(service.stages))
    for (const problem of problemsOf(settings, service.image)) report("stages", `${stage}: ${problem}`);
  const { build } = service;
  if (build === undefined) return;
  for (const problem of problemsOf(build, service.image)) report("build", problem);
  if (lambda.test(build.computeType))
    report(
      "build",
      `${build.computeType} is Lambda compute, which runs no container engine; choose a BUILD_GENERAL1_ size to build images`,
    );
}

function problemsOf(settings: BuildConfig, { platform }: ServiceConfig["image"]): string[] {
  const { computeType, timeoutMinutes, network } = settings;
  const { type, image, isLambda } = computeOf(settings, { platform });
  const problems: string[] = [];
  if (isLambda && timeoutMinutes > lambdaMinutes)
    problems.push(
      `${computeType} is Lambda compute, which ends every build after ${lambdaMinutes} minutes; say timeoutMinutes: ${lambdaMinutes} or less, or choose a BUILD_GENERAL1_ size`,
    );
  if (isLambda && network)
    problems.push(
      `${computeType} is Lambda compute, which cannot be in a network of yours; choose a BUILD_GENERAL1_ size, or leave network out`,
    );
  if (!image.startsWith("aws/codebuild/")) return problems;
  if (image.includes("-lambda-") !== isLambda)
    problems.push(
      `the image ${image} is ${isLambda ? "not " : ""}one for Lambda compute, and ${computeType} is${isLambda ? "" : " not"}; leave image out to have the one that fits`,
    );
  if (/x86_64|aarch64/.test(image) && image.includes("aarch64") !== type.startsWith("ARM"))
    problems.push(
      `the image ${image} is not for ${platform}, the platform of the service; leave image out to have the one that fits`,
    );
  return problems;
}
