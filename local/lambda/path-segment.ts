import { AwsError } from "../service.ts";

/** A function's name as a path has it, percent-encoded. @throws AwsError ValidationException */
export function decodeName(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new AwsError(
      "ValidationException",
      "The function's name in the path is not percent-encoded UTF-8.",
    );
  }
}
