import { parseConfig } from "../core/config.ts";
import { membersOf } from "../core/members.ts";
import input from "../spillway.config.ts";
import { type AccountDescription, describeApplication } from "./application.ts";
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

/** Where the credentials lead. */
export const place = { partition, region, account: identity.accountId };

/** The config as this stage has it. */
export const config = inStage(parseConfig(input), permanent ? undefined : prefix);

export const application = describeApplication(config, prefix, { permanent });

/** The member account that the credentials are for; undefined: they are for the installation's own. */
export const member = application.members.find(({ account }) => account === place.account);

/** What environments need in this account. */
export const here: AccountDescription = member ?? application;

/** What the config says of this account. */
export const settings = membersOf(config).find(({ id }) => id === place.account) ?? config.aws;

/** Where the installation itself is: its images, its functions, its bus. */
export const home = member === undefined ? place : { ...place, account: config.aws.account ?? place.account };
