import { arn } from "./arns.ts";
import { pullFrom } from "./images.ts";
import { network } from "./network.ts";
import { makeRole } from "./role.ts";
import { readSecrets } from "./secrets.ts";
import { application, config, place } from "./stage.ts";

// App Runner does not say that it names the account when it takes a role, so these are not bound to it.
const asAppRunner = { boundToAccount: false };

const images = Object.values(config.services).map(({ image }) => image.repository);

/** What App Runner may do to start the services: pull their images. */
export const accessRole = makeRole(
  "TargetAccess",
  "build.apprunner.amazonaws.com",
  [
    ...pullFrom(images),
    {
      actions: ["ecr:DescribeImages"],
      resources: images.map((name) => arn(place, "ecr", `repository/${name}`)),
    },
  ],
  asAppRunner,
);

/** `service/environment` → what the running service may do: read its own environment's secrets. */
export const instanceRoles = Object.fromEntries(
  application.environments.map(({ service, environment, secrets }) => [
    `${service}/${environment}`,
    makeRole(
      `TargetInstance-${service}-${environment}`,
      "tasks.apprunner.amazonaws.com",
      readSecrets(secrets),
      asAppRunner,
    ),
  ]),
);

/** By which the running services reach a private network, if the config wants them to. */
export const vpcConnector =
  application.vpcConnector === undefined
    ? undefined
    : new aws.apprunner.VpcConnector("TargetNetwork", {
        vpcConnectorName: application.vpcConnector,
        subnets: network.subnets,
        securityGroups: network.securityGroups,
      });
