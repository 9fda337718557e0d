import { parseConfig } from "../core/config.ts";
import input from "../spillway.config.ts";
import { describeApplication } from "./application.ts";
import { inStage } from "./repository-names.ts";

/** What is true of this SST stage; everything else in this folder reads it here. */

/** Whether this is the production installation: it keeps its data, and images go by the names of the config. */
export const permanent = $app.stage === "production";

/** What every physical name begins with: no two SST stages share one. */
export const prefix = `${$app.name}-${$app.stage}`;

const [identity, { region }, { partition }] = await Promise.all([
  aws.getCallerIdentity(),
  aws.getRegion(),
  aws.getPartition(),
]);

/** Where the installation is. */
export const place = { partition, region, account: identity.accountId };

/** The config as this stage has it. */
export const config = inStage(parseConfig(input), permanent ? undefined : prefix);

export const application = describeApplication(config, prefix);
