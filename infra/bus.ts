import { busStatements } from "./resource-policies.ts";
import { application, config, place, prefix } from "./stage.ts";

/** The bus on which other systems ask for releases. */
export const bus = new aws.cloudwatch.EventBus("Bus", { name: application.bus });

// This account's own principals need no word here; theirs do, and may say just what they are there for.
const grants = bus.arn.apply((arn) =>
  busStatements(application, config.aws.trustedAccounts, place.partition, arn),
);

if (config.aws.trustedAccounts.length > 0 || application.members.length > 0)
  new aws.cloudwatch.EventBusPolicy("BusPolicy", {
    eventBusName: bus.name,
    policy: $jsonStringify({ Version: "2012-10-17", Statement: grants }),
  });

/** Who asked for what, for 90 days. A replay starts nothing: the rules that start machines refuse replayed events. */
export const archive = new aws.cloudwatch.EventArchive("Archive", {
  name: prefix.slice(0, 48),
  eventSourceArn: bus.arn,
  retentionDays: 90,
});

/** The accounts whose events are heard on the bus. */
export const heardAccounts = [place.account, ...config.aws.trustedAccounts];
