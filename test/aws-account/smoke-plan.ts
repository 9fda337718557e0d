import type { SmokePlace } from "./smoke-config.ts";

/** What a smoke test is of. */
export interface Smoke {
  readonly place: SmokePlace;
  /** The SST stage, made for this and removed after it. */
  readonly stage: string;
  /** A folder of its own for the sources. */
  readonly folder: string;
  /** The repository that is tried. */
  readonly root: string;
  /** The commits that are released, one after the other; 40 hexadecimal digits each. */
  readonly commits: { readonly earlier: string; readonly later: string };
}

/** One thing to do: a command, or something that takes looking again and again. */
export type Step = { readonly does: string } & (
  | {
      readonly command: readonly string[];
      readonly folder: string;
      readonly environment?: Readonly<Record<string, string>>;
      /** Whether it is no matter if it fails. */
      readonly mayFail?: true;
    }
  | { readonly write: string; readonly text: string }
  /** Waits until the release of the commit's image has ended, which must be well. */
  | { readonly awaitRelease: string }
  /** Rolls back by the deploy machine; the commit must be live afterwards. */
  | { readonly rollBackTo: string }
  | { readonly stopExecutions: string }
);

export interface Plan {
  /** In this order, until one fails; nothing of it is in the account. */
  readonly preparation: readonly Step[];
  /** After it, in this order, until one fails. */
  readonly steps: readonly Step[];
  /** Once the first of the steps has begun: always, and each of them, whatever failed before. */
  readonly removal: readonly Step[];
  /** Each prints names of what is left of the stage; nothing, if nothing is. */
  readonly remains: readonly Step[];
}

/** What every name of the stage begins with. */
export function smokePrefix({ stage }: Pick<Smoke, "stage">): string {
  return `spillway-${stage}`;
}

export function smokeRepository(smoke: Pick<Smoke, "stage">): string {
  return `${smokePrefix(smoke)}/web`;
}

/** All that a smoke test does, before any of it is done. */
export function planSmoke(smoke: Smoke): Plan {
  const { stage, root, commits } = smoke;
  const prefix = smokePrefix(smoke);
  const installation = `${smoke.folder}/installation`;
  const earlier = `${smoke.folder}/earlier`;
  const later = `${smoke.folder}/later`;
  const sst = (does: string, ...words: string[]) => ({
    does,
    command: ["npx", "sst", ...words, "--stage", stage],
    folder: installation,
    environment: { SST_TELEMETRY_DISABLED: "1" },
  });
  return {
    preparation: [
      ...checkOut(root, installation, commits.later),
      { does: "install what it needs", command: ["npm", "ci"], folder: installation },
      {
        does: "take the config of the smoke test",
        write: `${installation}/spillway.config.ts`,
        text: configOf(smoke.place),
      },
      ...checkOut(root, earlier, commits.earlier),
      ...checkOut(root, later, commits.later),
    ],
    steps: [
      sst(`deploy Spillway as the stage ${stage}`, "deploy"),
      buildAndPush(smoke, earlier, commits.earlier),
      { does: `release ${commits.earlier}`, awaitRelease: commits.earlier },
      buildAndPush(smoke, later, commits.later),
      { does: `release ${commits.later}`, awaitRelease: commits.later },
      { does: `roll back to ${commits.earlier}`, rollBackTo: commits.earlier },
    ],
    removal: [
      { does: "stop what still runs", stopExecutions: prefix },
      // Without a lock there is nothing to take away, and SST says so as a failure.
      { ...sst("take away the lock of a deployment that was interrupted", "unlock"), mayFail: true },
      sst(`remove the stage ${stage}`, "remove"),
    ],
    remains: remainsOf(smoke),
  };
}

function checkOut(root: string, folder: string, commit: string): Step[] {
  return [
    {
      does: `copy the repository to ${folder}`,
      command: ["git", "clone", "--quiet", root, folder],
      folder: root,
    },
    { does: `take ${commit}`, command: ["git", "checkout", "--quiet", "--detach", commit], folder },
  ];
}

/** With the script that users have in their CI. */
function buildAndPush(smoke: Smoke, folder: string, commit: string): Step {
  const { account, region } = smoke.place;
  return {
    does: `build and push the image of ${commit}`,
    command: ["bash", `${folder}/examples/ci/build-and-push.sh`],
    folder: `${folder}/examples/web`,
    environment: {
      REGISTRY: `${account}.dkr.ecr.${region}.amazonaws.com`,
      REPOSITORY: smokeRepository(smoke),
    },
  };
}

function configOf(place: SmokePlace): string {
  return `import { smokeConfig } from "./test/aws-account/smoke-config.ts";\n\nexport default smokeConfig(${JSON.stringify(place, null, 2)});\n`;
}

function remainsOf({ stage, root }: Smoke): Step[] {
  const prefix = smokePrefix({ stage });
  const list = (what: string, words: readonly string[], query: string): Step => ({
    does: what,
    command: ["aws", ...words, "--query", query, "--output", "text"],
    folder: root,
  });
  const begins = (member: string) => `starts_with(${member}, '${prefix}')`;
  const logGroups = (under: string) =>
    list(
      `log groups of ${under}`,
      ["logs", "describe-log-groups", "--log-group-name-prefix", `${under}/${prefix}`],
      "logGroups[].logGroupName",
    );
  return [
    list(
      "services of App Runner",
      ["apprunner", "list-services"],
      `ServiceSummaryList[?${begins("ServiceName")}].ServiceArn`,
    ),
    list(
      "state machines",
      ["stepfunctions", "list-state-machines"],
      `stateMachines[?${begins("name")}].name`,
    ),
    list(
      "task definitions",
      ["ecs", "list-task-definitions"],
      `taskDefinitionArns[?contains(@, 'task-definition/${prefix}')]`,
    ),
    list(
      "report groups",
      ["codebuild", "list-report-groups"],
      `reportGroups[?contains(@, 'report-group/${prefix}')]`,
    ),
    list("functions", ["lambda", "list-functions"], `Functions[?${begins("FunctionName")}].FunctionName`),
    list("build projects", ["codebuild", "list-projects"], `projects[?${begins("@")}]`),
    list("tables", ["dynamodb", "list-tables"], `TableNames[?${begins("@")}]`),
    list(
      "repositories",
      ["ecr", "describe-repositories"],
      `repositories[?${begins("repositoryName")}].repositoryName`,
    ),
    list("buckets", ["s3api", "list-buckets"], `Buckets[?${begins("Name")}].Name`),
    list("roles", ["iam", "list-roles"], `Roles[?${begins("RoleName")}].RoleName`),
    ...["/aws/lambda", "/aws/codebuild", "/aws/apprunner", "/spillway"].map(logGroups),
  ];
}

/** A commit and when it was made, in seconds since the epoch. */
export interface DatedCommit {
  readonly commit: string;
  readonly at: number;
}

/**
 * The two that are released: the newest, and the nearest before it that is older by its time, which orders releases.
 * @param log newest first.
 */
export function twoCommits(log: readonly DatedCommit[]): Smoke["commits"] | undefined {
  const [later] = log;
  const earlier = log.find(({ at }) => later !== undefined && at < later.at);
  return later === undefined || earlier === undefined
    ? undefined
    : { earlier: earlier.commit, later: later.commit };
}
