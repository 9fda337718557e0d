/** Rights that no scenario needs, and why they are granted all the same. An entry that is needed after all must go. */
export const unreached: readonly { readonly grants: RegExp; readonly why: string }[] = [
  { grants: /: xray:/, why: "the local AWS has no X-Ray: what is traced in AWS is not asked for here" },
  {
    grants: /Machine: logs:/,
    why: "Step Functions writes its own log through deliveries, which the local one does not have",
  },
  {
    grants: /: (ecs:ListTasks|codebuild:ListBuildsForProject) on /,
    why: "a function that is tried again after it began its work looks for it; here no function is cut off half-way",
  },
  {
    grants:
      /-(BuildImage|RunStage|CheckDatabase|InspectSchema|MigrateDatabase|RevertMigration|StartDeployment|RollBack|RequestApproval): (states:SendTask|logs:|codebuild:BatchGetReports)/,
    why: "whoever starts work looks at it once before it sleeps; here nothing has ended by then",
  },
  {
    grants: /-(BuildImage|RunStage): codebuild:StopBuild/,
    why: "a build that was begun while its release ended is stopped by who began it; here none is so late",
  },
  {
    grants: /-(ReleaseLease|CancelRelease): states:SendTask/,
    why: "the next in line is woken as the lease is given back; the scenarios have nobody wait there",
  },
  {
    grants: /-Operate: (states:SendTask|ecs:StopTask|codebuild:StopBuild)/,
    why: "what a person does there wakes, stops or cancels whatever is under way; the scenarios show some of it",
  },
  {
    grants: /-(CompleteWait|Reconcile): apprunner:DescribeService/,
    why: "what serves is looked at only when an operation was lost with its event",
  },
  {
    grants: /-Reconcile: (apprunner:ListServices|logs:GetLogEvents on \S+:log-group:\/spillway\/)/,
    why: "it looks at the end of every kind of work, also of kinds that no scenario loses the end of",
  },
  {
    grants: /-Reconcile: ecs:StopTask/,
    why: "it stops a migration that began to run in the moment in which its release was cancelled",
  },
];
