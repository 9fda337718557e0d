import type * as codebuild from "@aws-sdk/client-codebuild";
import { AwsError } from "../service.ts";

const LAMBDA_ENVIRONMENTS: readonly (string | undefined)[] = [
  "LINUX_LAMBDA_CONTAINER",
  "ARM_LAMBDA_CONTAINER",
];
/** What ends every build on Lambda compute, in minutes (AWS documentation, "Limitations of AWS Lambda compute"). */
const LAMBDA_TIMEOUT_MINUTES = 15;

/** Whether a project's builds run as Lambda functions. */
export function isLambdaCompute({ environment }: Pick<codebuild.Project, "environment">): boolean {
  return LAMBDA_ENVIRONMENTS.includes(environment?.type);
}

/** The timeouts that a project has if nobody says them, in minutes. A build on Lambda compute never queues. */
export function timeoutsOf(
  project: Pick<codebuild.Project, "environment">,
): Pick<codebuild.Project, "timeoutInMinutes" | "queuedTimeoutInMinutes"> {
  return isLambdaCompute(project)
    ? { timeoutInMinutes: LAMBDA_TIMEOUT_MINUTES, queuedTimeoutInMinutes: undefined }
    : { timeoutInMinutes: 60, queuedTimeoutInMinutes: 480 };
}

/** @throws AwsError InvalidInputException when a project asks of Lambda compute what that does not have. */
export function checkCompute(project: codebuild.Project): void {
  const { environment, vpcConfig, cache, timeoutInMinutes, queuedTimeoutInMinutes } = project;
  const { type, computeType, privilegedMode } = environment ?? {};
  const isLambda = isLambdaCompute(project);
  if (computeType !== undefined && computeType.startsWith("BUILD_LAMBDA_") !== isLambda)
    throw invalid(`The compute type ${computeType} is not one of the environment type ${type}.`);
  if (!isLambda) return;
  const refused = [
    privilegedMode === true && "privilegedMode",
    vpcConfig?.vpcId !== undefined && "vpcConfig",
    (cache?.type ?? "NO_CACHE") !== "NO_CACHE" && "cache",
    timeoutInMinutes !== undefined && timeoutInMinutes !== LAMBDA_TIMEOUT_MINUTES && "timeoutInMinutes",
    queuedTimeoutInMinutes !== undefined && "queuedTimeoutInMinutes",
  ].filter((member) => member !== false);
  if (refused.length > 0) throw invalid(`Lambda compute (${type}) has no ${refused.join(", ")}.`);
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidInputException", message);
}
