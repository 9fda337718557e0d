import * as z from "zod/mini";

const Account = z.string().check(z.regex(/^\d{12}$/, "an AWS account has 12 digits"));

/** A network of yours. */
export const NetworkConfig = z.strictObject({
  /** Subnets of one VPC, from which ECR, the logs and the database can be reached. */
  subnets: z
    .array(z.string().check(z.regex(/^subnet-/, "a subnet's id starts with subnet-")))
    .check(z.minLength(1)),
  /** Of that VPC; the database must let them in. */
  securityGroups: z
    .array(z.string().check(z.regex(/^sg-/, "a security group's id starts with sg-")))
    .check(z.minLength(1)),
  /** Whether tasks get a public address: needed in a public subnet without NAT, useless in a private one. */
  publicAddress: z._default(z.boolean(), false),
  /**
   * Whether the running services reach out through it as well, as they must to a private database. They then reach
   * the internet only if this network does.
   */
  services: z._default(z.boolean(), false),
});

/** The name of an ECS cluster of yours. */
const ClusterName = z
  .string()
  .check(
    z.regex(
      /^[A-Za-z0-9][\w-]{0,254}$/,
      "the name of a cluster has up to 255 letters, digits, hyphens and underscores",
    ),
  );

/** The AWS account of an environment, where that is not the installation's own: a member account. Same region. */
export const MemberConfig = z.strictObject({
  /** Its number: 12 digits. */
  id: Account,
  /**
   * What Spillway must say to be let in, so that nobody can have it act there who only knows the account. Not a
   * secret, but yours alone: a random text, such as `openssl rand -hex 16` prints.
   */
  externalId: z
    .string()
    .check(
      z.regex(/^[\w+=,.@:/-]{2,1224}$/, "an external id has 2 to 1224 letters, digits and + = , . @ : / - _"),
    ),
  /** As `aws.network`, of that account: unless said, its default VPC. */
  network: z.optional(NetworkConfig),
  /** As `aws.cluster`, of that account. */
  cluster: z.optional(ClusterName),
  /** As `aws.appRunner`, of that account. */
  appRunner: z.optional(z.literal("existing-customer")),
});
export type MemberConfig = z.output<typeof MemberConfig>;

/** Where Spillway is installed in AWS, and with what. A laptop needs none of it. */
export const AccountConfig = z.strictObject({
  /** The only account into which this config may be deployed; any, unless said. */
  account: z.optional(Account),
  /** The only region into which this config may be deployed; any, unless said. */
  region: z.optional(
    z.string().check(z.regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "a region looks like eu-central-1")),
  ),
  /** Unless said: the account's default VPC, with a security group that lets nothing in. */
  network: z.optional(NetworkConfig),
  /** An ECS cluster of yours where migrations run, on Fargate; unless said, one is made that costs nothing. */
  cluster: z.optional(ClusterName),
  /** App Runner takes no new customers: say so if this account was one before, though it has no service now. */
  appRunner: z.optional(z.literal("existing-customer")),
  /** Who is told of an alarm. Each address must confirm once. */
  emails: z._default(z.array(z.email("use an e-mail address")), []),
  /** Other accounts whose events may request a release. */
  trustedAccounts: z._default(z.array(Account), []),
});
export type AccountConfig = z.output<typeof AccountConfig>;
