import { found } from "./account.ts";
import { settings } from "./stage.ts";

/** A network, as what is to be in it names it. */
interface Network {
  readonly vpc: string;
  readonly subnets: string[];
  readonly securityGroups: $util.Input<string>[];
  readonly publicAddress: boolean;
}

/** Where migrations run, and the builds that ask for it: the network that the config names, else the default VPC. */
export const network = namedNetwork() ?? defaultNetwork();

function namedNetwork(): Network | undefined {
  if (settings.network === undefined) return undefined;
  const { subnets, securityGroups, publicAddress } = settings.network;
  return { vpc: found.network?.subnets[0]?.vpc ?? "", subnets, securityGroups, publicAddress };
}

function defaultNetwork(): Network {
  const { vpc, subnets } = found.defaultNetwork ?? { vpc: "", subnets: [] };
  const group = new aws.ec2.SecurityGroup("MigrationSecurityGroup", {
    vpcId: vpc,
    description: "Migrations: out, never in",
    egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }],
  });
  // The default VPC's subnets are public: a task without an address of its own could not pull its image.
  return { vpc, subnets, securityGroups: [group.id], publicAddress: true };
}
