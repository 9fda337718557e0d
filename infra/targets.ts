import { network } from "./network.ts";
import { makeRole } from "./role.ts";
import { accessStatements, instanceStatements } from "./roles.ts";
import { secrets } from "./secrets.ts";
import { here, home } from "./stage.ts";

// App Runner does not say that it names the account when it takes a role, so these are not bound to it.
const asAppRunner = { boundToAccount: false };

/** What App Runner may do to start the services: pull their images. */
export const accessRole = makeRole(
  "TargetAccess",
  "build.apprunner.amazonaws.com",
  accessStatements(here, home),
  asAppRunner,
);

/** `service/environment` → what the running service may do: read its own environment's secrets. */
export const instanceRoles = Object.fromEntries(
  here.environments.map((described) => [
    `${described.service}/${described.environment}`,
    makeRole(
      `TargetInstance-${described.service}-${described.environment}`,
      "tasks.apprunner.amazonaws.com",
      instanceStatements(described, secrets),
      asAppRunner,
    ),
  ]),
);

/** By which the running services reach a private network, if the config wants them to. */
export const vpcConnector =
  here.vpcConnector === undefined
    ? undefined
    : new aws.apprunner.VpcConnector("TargetNetwork", {
        vpcConnectorName: here.vpcConnector,
        subnets: network.subnets,
        securityGroups: network.securityGroups,
      });
