import { parseConfig } from "../core/config.ts";
import { type Application, describeApplication } from "../infra/application.ts";
import config from "../spillway.config.ts";
import { type CountedRelease, countRelease, workSeconds } from "./counted-release.ts";
import { table } from "./figures.ts";
import { type PriceName, prices } from "./prices.ts";

/** What is assumed of a function: how long a call takes and how much memory it has. */
const call = { seconds: 0.3, gigabytes: 0.5 };
/** What a migration's task has. */
const task = { processors: 0.25, gigabytes: 0.5 };
const hoursOfMonth = 730;
const minutesOfMonth = hoursOfMonth * 60;

/** One line of a bill: so many of something. */
interface Line {
  readonly what: string;
  readonly count: number;
  readonly price: PriceName;
}

/** What a release and a month at rest cost, beside CodePipeline V2 and GitHub Actions for the same stages. */
export async function benchCost(): Promise<string> {
  const release = await countRelease();
  return [renderRelease(release), renderBeside(release), renderMonth(release), renderPrices()].join("\n\n");
}

/** Whole minutes of a piece of work, as builders and runners bill. */
const minutesOf = (work: string) => Math.ceil((workSeconds[work] ?? 0) / 60);

function conductingLines(release: CountedRelease): Line[] {
  const calls = release.invocations + release.heard;
  const kilobytes = Math.ceil(release.largestItem / 1024);
  return [
    { what: "states entered", count: release.transitions, price: "transition" },
    {
      what: `functions called: ${release.invocations} by the machines, ${release.heard} by events`,
      count: calls,
      price: "invocation",
    },
    {
      what: `their time, ${call.seconds} s each at ${call.gigabytes} GB`,
      count: calls * call.seconds * call.gigabytes,
      price: "gigabyteSecond",
    },
    {
      what: `${release.writes} writes of ${kilobytes} KB, the largest item, to the table and an index`,
      count: release.writes * kilobytes * 2,
      price: "write",
    },
    {
      what: `${release.reads} reads of ${kilobytes} KB`,
      count: release.reads * Math.ceil(kilobytes / 4),
      price: "read",
    },
  ];
}

function taskLines({ tasks }: CountedRelease): Line[] {
  const hours = (tasks * Math.max(60, workSeconds.migration ?? 0)) / 3600;
  return [
    {
      what: `${tasks} tasks of the database, a minute each: vCPU`,
      count: hours * task.processors,
      price: "taskProcessorHour",
    },
    { what: "the same: memory", count: hours * task.gigabytes, price: "taskMemoryHour" },
  ];
}

function stageLines({ builds }: CountedRelease): Line[] {
  const minutes = builds.reduce((sum, stage) => sum + minutesOf(stage), 0);
  return [
    { what: `${builds.length} builds of the stages, in minutes`, count: minutes, price: "buildMinute" },
  ];
}

const cost = ({ count, price }: Line) => count * prices[price].dollars;
const sum = (lines: readonly Line[]) => lines.reduce((total, line) => total + cost(line), 0);
const dollars = (amount: number) => amount.toFixed(4);

function renderLines(lines: readonly Line[]): string[][] {
  return lines.map((line) => [
    line.what,
    `${Number(line.count.toPrecision(4))} × ${perUnit(prices[line.price].dollars)}${prices[line.price].confirmed ? "" : " (not confirmed)"}`,
    dollars(cost(line)),
  ]);
}

/** How much of a bill is computed with prices that nobody read on the seller's own page. */
function renderUnconfirmed(lines: readonly Line[]): string {
  const unconfirmed = lines.filter(({ price }) => !prices[price].confirmed);
  return `Of these ${dollars(sum(lines))}, ${dollars(sum(unconfirmed))} are computed with prices that are not confirmed.`;
}

/** A price as people read it: for a thousand or a million where one is next to nothing. */
function perUnit(amount: number): string {
  if (amount >= 0.001) return String(amount);
  if (amount >= 0.00001) return `${Number((amount * 1e3).toPrecision(6))} per thousand`;
  return `${Number((amount * 1e6).toPrecision(6))} per million`;
}

function renderRelease(release: CountedRelease): string {
  const conducting = conductingLines(release);
  const tasks = taskLines(release);
  const stages = stageLines(release);
  return [
    "**One release** of the example to staging and production, in US dollars:",
    table(
      ["", "", "$"],
      [
        ...renderLines(conducting),
        ["**Spillway**", "", `**${dollars(sum(conducting))}**`],
        ...renderLines(tasks),
        ...renderLines(stages),
        ["**the whole release**", "", `**${dollars(sum([...conducting, ...tasks, ...stages]))}**`],
      ],
    ),
    renderUnconfirmed([...conducting, ...tasks, ...stages]),
  ].join("\n\n");
}

/** The prices of the comparison, beside those of Spillway's own bill. */
const beside: readonly PriceName[] = [
  "pipelineMinute",
  "runnerMinute",
  "buildMinute",
  "taskProcessorHour",
  "taskMemoryHour",
];

/** What others bill for conducting the same work: each piece of it is an action or a job, in whole minutes. */
function renderBeside(release: CountedRelease): string {
  const deployments = (parseConfig(config).services.web?.waves.flat() ?? []).length;
  const stages = release.builds.reduce((total, stage) => total + minutesOf(stage), 0);
  const waited = release.tasks * minutesOf("migration") + deployments * minutesOf("deployment");
  const tasks = sum(taskLines(release));
  const builds = sum(stageLines(release));
  const pipeline = (stages + waited) * prices.pipelineMinute.dollars;
  const [ofStages, ofWaiting] = [stages, waited].map((minutes) => minutes * prices.runnerMinute.dollars);
  const columns = [
    ["Spillway", sum(conductingLines(release)), builds],
    ["CodePipeline V2 with CodeBuild", pipeline, builds],
    ["GitHub Actions", ofWaiting ?? 0, ofStages ?? 0],
  ] as const;
  return [
    `**The same release by others**: ${stages} minutes of stages, and ${waited} minutes in which an action or a job waits for ${release.tasks} tasks of the database and ${deployments} deployments:`,
    table(
      ["$", "conducting", "stages", "tasks", "all"],
      columns.map(([name, conducting, work]) => [
        name,
        dollars(conducting),
        dollars(work),
        dollars(tasks),
        dollars(conducting + work + tasks),
      ]),
    ),
    `Not confirmed among these prices: ${beside
      .filter((name) => !prices[name].confirmed)
      .map((name) => prices[name].unit)
      .join("; ")}.`,
  ].join("\n\n");
}

/** How many alarms an installation has; a test compares it with what is made. */
export function countAlarms({ rules, machines }: Application): number {
  const hearers = new Set(rules.flatMap(({ target }) => ("function" in target ? [target.function] : [])));
  // Ends of releases and of deployments, the dead letters of what people are told, overdue waits, images (two), tasks, drift, silence.
  return rules.length + Object.keys(machines).length + hearers.size + 9;
}

/** How often in a month functions look regularly. */
function countLooks({ rules }: Application): number {
  const minutes = rules.flatMap(({ schedule = "" }) => /^rate\((\d+) minutes?\)$/.exec(schedule)?.[1] ?? []);
  return minutes.reduce((sum, every) => sum + minutesOfMonth / Number(every), 0);
}

function renderMonth({ readsAtRest }: CountedRelease): string {
  const application = describeApplication(parseConfig(config), "spillway-production", { permanent: true });
  const alarms = countAlarms(application);
  const looks = countLooks(application);
  const spillway: Line[] = [
    {
      what: "`Reconcile`, and the four that look for lost pushes, drift, orphans and images, each minute",
      count: looks,
      price: "invocation",
    },
    {
      what: `their time, ${call.seconds} s each at ${call.gigabytes} GB`,
      count: looks * call.seconds * call.gigabytes,
      price: "gigabyteSecond",
    },
    {
      what: `their questions to the records, ${Number(readsAtRest.toFixed(1))} a minute`,
      count: minutesOfMonth * readsAtRest,
      price: "read",
    },
    { what: "alarms", count: alarms, price: "alarmMonth" },
    {
      what: "metrics: those that are counted regularly, `Succeeded` of each function among them; others in the hours of a release",
      count: 12,
      price: "metricMonth",
    },
    { what: "the dashboard", count: 1, price: "dashboardMonth" },
  ];
  const service: Line[] = [
    { what: "one service, half a GB, idle", count: hoursOfMonth * 0.5, price: "serviceMemoryHour" },
    {
      what: "the same with a quarter vCPU busy all the time, in addition",
      count: hoursOfMonth * 0.25,
      price: "serviceProcessorHour",
    },
  ];
  return [
    "**A month at rest**, in US dollars:",
    table(
      ["", "", "$"],
      [
        ...renderLines(spillway),
        ["**Spillway**", "", `**${dollars(sum(spillway))}**`],
        ...renderLines(service),
      ],
    ),
    renderUnconfirmed(spillway),
  ].join("\n\n");
}

function renderPrices(): string {
  return [
    "**The prices**, of us-east-1; confirmed are those that were read in a copy of the seller's own page:",
    table(
      ["Price", "$", "Read in", "Confirmed"],
      Object.values(prices).map(({ dollars, unit, source, confirmed }) => [
        unit,
        perUnit(dollars),
        source,
        confirmed ? "yes" : "no",
      ]),
    ),
  ].join("\n\n");
}
