import { parseArgs } from "node:util";
import { parseConfig } from "../core/config.ts";
import { describeApplication } from "../infra/application.ts";
import { deployerPolicies } from "../infra/deployer.ts";
import { inStage } from "../infra/repository-names.ts";
import input from "../spillway.config.ts";

/** Prints the policies of who deploys an SST stage, one a line. */
const { values } = parseArgs({
  options: {
    stage: { type: "string", default: "production" },
    account: { type: "string" },
    region: { type: "string" },
  },
});
const { stage, account, region } = values;
if (account === undefined || region === undefined) {
  console.error("usage: npm run rights -- --account 123456789012 --region eu-central-1 [--stage production]");
  process.exit(2);
}
const prefix = `spillway-${stage}`;
const permanent = stage === "production";
const config = inStage(parseConfig(input), permanent ? undefined : prefix);
for (const policy of deployerPolicies(describeApplication(config, prefix, { permanent }), {
  partition: "aws",
  account,
  region,
}))
  console.log(policy);
