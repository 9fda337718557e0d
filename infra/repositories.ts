import { taggedImagesKept } from "../core/retention.ts";
import { installationTag } from "./account.ts";
import { repositoryStatements } from "./resource-policies.ts";
import { application, permanent, place, prefix } from "./stage.ts";

/** What is kept of the images: what nothing refers to goes after two weeks, tagged ones beyond the newest 500. */
const lifecycle = JSON.stringify({
  rules: [
    {
      rulePriority: 1,
      description: "untagged for 14 days",
      selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 14 },
      action: { type: "expire" },
    },
    {
      rulePriority: 2,
      description: `beyond the newest ${taggedImagesKept}`,
      selection: {
        tagStatus: "tagged",
        tagPatternList: ["*"],
        countType: "imageCountMoreThan",
        countNumber: taggedImagesKept,
      },
      action: { type: "expire" },
    },
  ],
});

/** Where images are pushed to: a tag is written once. */
export const repositories = application.repositories.map((name) => {
  const repository = new aws.ecr.Repository(
    `Repository-${name}`,
    {
      name,
      imageTagMutability: "IMMUTABLE",
      imageScanningConfiguration: { scanOnPush: true },
      forceDelete: !permanent,
      tags: { [installationTag]: prefix },
    },
    { retainOnDelete: permanent },
  );
  new aws.ecr.LifecyclePolicy(`RepositoryLifecycle-${name}`, {
    repository: repository.name,
    policy: lifecycle,
  });
  const grants = repositoryStatements(application, place.partition, name);
  if (grants.length > 0)
    new aws.ecr.RepositoryPolicy(`RepositoryPolicy-${name}`, {
      repository: repository.name,
      policy: JSON.stringify({ Version: "2012-10-17", Statement: grants }),
    });
  return repository;
});
