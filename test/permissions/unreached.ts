/** Rights that nothing here can need, and why they are granted all the same. An entry that is needed after all must go. */
export const unreached: readonly { readonly grants: RegExp; readonly why: string }[] = [
  { grants: /: xray:/, why: "the local AWS has no X-Ray: what is traced in AWS is not asked for here" },
  {
    grants: /Machine: logs:/,
    why: "Step Functions writes its own log through deliveries, which the local one does not have",
  },
  {
    grants: /^build: ec2:/,
    why: "the local AWS has no EC2: a build in a network reaches what this machine reaches",
  },
];

/** Values of conditions that no request here says, and why they are demanded all the same. */
export const unsaidValues: readonly { readonly values: RegExp; readonly why: string }[] = [
  {
    values: /iam:PassedToService is apprunner\.amazonaws\.com$/,
    why: "AWS does not document by which of its names App Runner takes a role; the local one says the name that the role itself trusts, and AWS's own policy for users of App Runner says this one",
  },
  { values: /^build: ec2:/, why: "the local AWS has no EC2" },
];
