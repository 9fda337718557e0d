/** Rights that nothing here can need, and why they are granted all the same. An entry that is needed after all must go. */
export const unreached: readonly { readonly grants: RegExp; readonly why: string }[] = [
  { grants: /: xray:/, why: "the local AWS has no X-Ray: what is traced in AWS is not asked for here" },
  {
    grants: /Machine: logs:/,
    why: "Step Functions writes its own log through deliveries, which the local one does not have",
  },
];
