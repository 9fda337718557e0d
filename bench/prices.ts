/** What one of something costs. */
export interface Price {
  /** US dollars in us-east-1, for one unit. */
  readonly dollars: number;
  readonly unit: string;
  /** Where it was read and when. */
  readonly source: string;
  /** Whether that was AWS's or GitHub's own page, or a copy of it; else others said so. */
  readonly confirmed: boolean;
}

/** An account's free allowances are left out: they are the same for every conductor, and soon used up. */
export const prices = {
  transition: {
    dollars: 0.025 / 1000,
    unit: "transition of a Standard machine",
    source: "Step Functions' price page, November 2026",
    confirmed: true,
  },
  invocation: {
    dollars: 0.2 / 1e6,
    unit: "call of a function",
    source: "three independent pages, November 2026",
    confirmed: false,
  },
  gigabyteSecond: {
    dollars: 0.0000133334,
    unit: "GB-second of a function on arm64",
    source: "three independent pages, November 2026",
    confirmed: false,
  },
  write: {
    dollars: 0.625 / 1e6,
    unit: "KB written to the table",
    source: "another page, November 2026",
    confirmed: false,
  },
  read: {
    dollars: 0.125 / 1e6,
    unit: "4 KB read from the table",
    source: "another page, November 2026",
    confirmed: false,
  },
  buildMinute: {
    dollars: 0.005,
    unit: "minute of CodeBuild, general1.small",
    source: "three independent pages, November 2026",
    confirmed: false,
  },
  taskProcessorHour: {
    dollars: 0.04048,
    unit: "vCPU-hour of Fargate",
    source: "three independent pages, March 2026",
    confirmed: false,
  },
  taskMemoryHour: {
    dollars: 0.004445,
    unit: "GB-hour of Fargate",
    source: "three independent pages, March 2026",
    confirmed: false,
  },
  serviceProcessorHour: {
    dollars: 0.064,
    unit: "vCPU-hour of an active App Runner instance",
    source: "App Runner's price page, November 2026",
    confirmed: true,
  },
  serviceMemoryHour: {
    dollars: 0.007,
    unit: "GB-hour of an App Runner instance",
    source: "App Runner's price page, November 2026",
    confirmed: true,
  },
  alarmMonth: {
    dollars: 0.1,
    unit: "alarm for a month",
    source: "another page, June 2026",
    confirmed: false,
  },
  metricMonth: {
    dollars: 0.3,
    unit: "custom metric for a month",
    source: "two independent pages, June 2026",
    confirmed: false,
  },
  dashboardMonth: {
    dollars: 3,
    unit: "dashboard for a month",
    source: "another page, June 2026",
    confirmed: false,
  },
  pipelineMinute: {
    dollars: 0.002,
    unit: "action-minute of CodePipeline V2",
    source: "CodePipeline's price page, November 2026",
    confirmed: true,
  },
  runnerMinute: {
    dollars: 0.006,
    unit: "minute of a GitHub runner, Linux with 2 cores, private repository",
    source: "GitHub's documentation, 2026",
    confirmed: true,
  },
} satisfies Readonly<Record<string, Price>>;

export type PriceName = keyof typeof prices;
