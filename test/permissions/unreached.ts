/** Rights that no scenario needs, and why they are granted all the same. An entry that is needed after all must go. */
export const unreached: readonly { readonly grants: RegExp; readonly why: string }[] = [
  { grants: /: xray:/, why: "the local AWS has no X-Ray: what is traced in AWS is not asked for here" },
  {
    grants: /Machine: logs:/,
    why: "Step Functions writes its own log through deliveries, which the local one does not have",
  },
  {
    grants: /-(AcquireLease|Reconcile): ecs:ListTasks on /,
    why: "a lease is taken over while nobody knows the ARN of a migration that its owner began: the owner must die between two calls",
  },
  {
    grants: /-(BuildImage|RunStage): codebuild:StopBuild/,
    why: "a build that was begun while its release ended is stopped by who began it: the release must end between two calls",
  },
  {
    grants: /-Reconcile: ecs:StopTask/,
    why: "a migration that began to run in the moment in which its release was cancelled is stopped: again between two calls",
  },
  {
    grants: /-(StartDeployment|RollBack): (states:SendTask|logs:)/,
    why: "App Runner takes minutes, so its operations have not ended when a function that is tried again looks for them; one that waited long for its next try would find them ended",
  },
  {
    grants: /-(InspectSchema|MigrateDatabase|RequestApproval|ReleaseLease): (states:SendTaskFailure|logs:)/,
    why: "a function looks by the same code at what succeeded, which the scenarios show, and at what failed, for which another fault must come at once with the first",
  },
  {
    grants: /-CancelRelease: states:SendTaskSuccess/,
    why: "it wakes what waits by the code that wakes who is next in line; a cancelled release is woken with a failure",
  },
  {
    grants: /-(CompleteWait|Reconcile): apprunner:DescribeService/,
    why: "what serves is looked at only when an operation was lost with its event",
  },
  {
    grants: /-Reconcile: (apprunner:ListServices|logs:GetLogEvents on \S+:log-group:\/spillway\/)/,
    why: "it looks at the end of every kind of work, also of kinds that no scenario loses the end of",
  },
];
