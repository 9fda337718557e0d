import { found } from "./account.ts";
import { config } from "./stage.ts";

/** Where migrations run: the network that the config names, else the account's default VPC. */
export const network = config.aws.network ?? defaultNetwork();

function defaultNetwork() {
  const { vpc, subnets } = found.defaultNetwork ?? { vpc: "", subnets: [] };
  const group = new aws.ec2.SecurityGroup("MigrationSecurityGroup", {
    vpcId: vpc,
    description: "Migrations: out, never in",
    egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }],
  });
  // The default VPC's subnets are public: a task without an address of its own could not pull its image.
  return { subnets, securityGroups: [group.id], publicAddress: true };
}
