import { arn } from "./arns.ts";
import type { Statement } from "./role.ts";
import { place } from "./stage.ts";

const logIn: Statement = { actions: ["ecr:GetAuthorizationToken"], resources: ["*"] };
const arnsOf = (repositories: readonly string[]) =>
  repositories.map((name) => arn(place, "ecr", `repository/${name}`));

/** Pulling images from these repositories. */
export function pullFrom(repositories: readonly string[]): Statement[] {
  const actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
  return [logIn, { actions, resources: arnsOf(repositories) }];
}

/** Pushing images to these repositories. */
export function pushTo(repositories: readonly string[]): Statement[] {
  const actions = [
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
  ];
  return [logIn, { actions, resources: arnsOf(repositories) }];
}
