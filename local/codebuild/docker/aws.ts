import { findProgram, runInstead } from "./programs.ts";
import { RefusalError } from "./refusal.ts";
import type { Surroundings } from "./surroundings.ts";

/**
 * `aws` in a build: the password of the local registry by ourselves, all else by the machine's AWS CLI, which is
 * told where the local AWS is, because those of before 2023 do not read AWS_ENDPOINT_URL and would ask AWS itself.
 * @returns the exit status.
 */
export async function aws(words: readonly string[], around: Surroundings): Promise<number> {
  if (words[0] === "ecr" && words[1] === "get-login-password") {
    around.print(await registryPassword(around));
    return 0;
  }
  const program = await findProgram("aws", around);
  if (program === undefined)
    throw new RefusalError(
      `${words.slice(0, 2).join(" ")} needs the AWS CLI, which this machine does not have; without it there is aws ecr get-login-password.`,
    );
  const isTold = words.some((word) => word.startsWith("--endpoint-url"));
  const endpoint = isTold ? [] : ["--endpoint-url", around.endpoint.origin];
  return runInstead(program, [...endpoint, ...words], around);
}

async function registryPassword({ endpoint }: Surroundings): Promise<string> {
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    },
    body: "{}",
  });
  const parsed: { authorizationData?: { authorizationToken?: string }[] } = JSON.parse(await answer.text());
  const token = Buffer.from(parsed.authorizationData?.[0]?.authorizationToken ?? "", "base64").toString();
  if (!answer.ok || token === "")
    throw new RefusalError(`ecr get-login-password: the registry answered with ${answer.status}.`);
  return token.slice(token.indexOf(":") + 1);
}
