import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { placesOfBuilds, renderLine, renderPlaces } from "../cli/log-places.ts";
import { createProgress } from "../cli/progress.ts";
import { renderReport, reportOf } from "../cli/report.ts";
import { renderPlayed, scenarios } from "../cli/scenarios.ts";
import type { ConfigInput } from "../core/config.ts";
import type { Release } from "../core/records.ts";
import { oneEnvironment } from "./simulation/environments.ts";
import { readEverything, type Seen } from "./simulation/everything.ts";
import { createWorld, type SimulatedWorld } from "./simulation/world.ts";

const databaseOf = (environment: string, password: string) => ({
  url: `postgres://web:${password}@${environment}.db.internal:5432/web?sslmode=verify-full`,
  ca: `-----BEGIN CERTIFICATE-----\n${lineOfKey(environment)}\n-----END CERTIFICATE-----`,
});
const lineOfKey = (environment: string) =>
  Buffer.from(`${environment}: 7f 3b 91 c4 5e 02 a8 6d f1 ${environment}`.repeat(2))
    .toString("base64")
    .slice(0, 64);

/** As people make them: passwords of a database that need encoding, and random tokens. */
const database = {
  staging: databaseOf("staging", "St4ging%2FPl4nted%21"),
  production: databaseOf("production", "Pr0duction@Pl4nted"),
};
const tokens = {
  stage: "tok_8Qw3ZrT5yLk9PxV2nB7mC4sD1fG6hJ0a",
  build: "reg+Kp4/Xs7Jd2=Wm9Zc5Tb8Ny3Rf6Vg1Hl",
  verification: "e2e-Ua5Mz8Qt2Lw7Kc4Ds9Xp3Bv6Nj1Hg0Fr",
  staging: "ses:Ht6Vw2Gx9Nz4Jk7Ry3Lm8Pq5Bd1Cf0Ts",
  production: "ses:Yb3Xn8Dc5Kf2Wq7Lp4Zr9Mt6Js1Hv0Gx",
};
const values = [
  ...Object.values(tokens),
  ...Object.values(database).flatMap(({ url, ca }) => [url, ...ca.split("\n").slice(1, -1)]),
  "St4ging%2FPl4nted%21",
  "St4ging/Pl4nted!",
  "Pr0duction@Pl4nted",
];
const forms: Readonly<Record<string, (value: string) => string>> = {
  plain: (value) => value,
  // What follows a value changes the end of its base64.
  base64: (value) => Buffer.from(value).toString("base64").slice(0, -4),
  base64url: (value) => Buffer.from(value).toString("base64url").slice(0, -4),
  "encoded for a URL": encodeURIComponent,
  hexadecimal: (value) => Buffer.from(value).toString("hex"),
};
const printed = (value: string) => [
  `it is ${value}`,
  Buffer.from(value).toString("base64"),
  `?is=${encodeURIComponent(value)}`,
  JSON.stringify({ is: value }),
];

/** Which secrets a text shows, and how. */
const shownBy = (text: string) =>
  values.flatMap((value) =>
    Object.entries(forms).flatMap(([form, as]) => (text.includes(as(value)) ? `${value} ${form}` : [])),
  );
const leaks = (seen: readonly Seen[]) =>
  seen.flatMap(({ where, text }) => shownBy(text).map((what) => `${where}: ${what}`));

/** Two environments and every stage, each with secrets of its own. */
function configWithSecrets(): ConfigInput {
  const config = oneEnvironment();
  const { web } = config.services;
  const like = web?.environments.production;
  if (web === undefined || like === undefined) throw new Error("the example has web in production");
  const named = (environment: string) => ({
    ...like,
    database: { secret: `${environment}/database:url`, ca: `${environment}/database:ca` },
    target: {
      ...like.target,
      secrets: { DATABASE_URL: `${environment}/database:url`, SESSION_KEY: `${environment}/session` },
    },
    verification: [["end-to-end"]],
  });
  web.environments = { staging: named("staging"), production: named("production") };
  web.waves = [["staging"], ["production"]];
  web.build = { buildspec: "build.yml", secrets: { REGISTRY_TOKEN: "registry" } };
  web.stages["unit-tests"] = { buildspec: "unit.yml", secrets: { TOKEN: "stage:token" } };
  web.stages["end-to-end"] = { buildspec: "e2e.yml", secrets: { TOKEN: "verification" } };
  return config;
}

const secretValues = {
  "staging/database": JSON.stringify(database.staging),
  "production/database": JSON.stringify(database.production),
  "staging/session": tokens.staging,
  "production/session": tokens.production,
  stage: JSON.stringify({ token: tokens.stage }),
  verification: tokens.verification,
  registry: tokens.build,
};

/** What programs say that cannot reach their database, of every environment. */
const ofDatabases = Object.values(database).flatMap(({ url, ca }) => [
  ...printed(url),
  ...ca.split("\n"),
  `DATABASE_URL=${url}`,
  `connect failed (${url}): timeout`,
]);
const ofSessions = [tokens.staging, tokens.production].flatMap((value) => [
  `SESSION_KEY=${value}`,
  Buffer.from(value).toString("base64"),
]);
const migratingTo = { after: "0002", history: ["0001", "0002"], readableFrom: "0001" };

let world: SimulatedWorld;
let seen: readonly Seen[];
const said: string[] = [];
const ends: Record<string, Release> = {};
const commit = (letter: string) => letter.repeat(40);

beforeAll(async () => {
  vi.stubEnv("POWERTOOLS_LOG_LEVEL", "DEBUG");
  vi.stubEnv("POWERTOOLS_METRICS_DISABLED", "false");
  const listen = (text: string | Uint8Array) => said.push(String(text)) > 0;
  vi.spyOn(process.stdout, "write").mockImplementation(listen);
  vi.spyOn(process.stderr, "write").mockImplementation(listen);
  vi.spyOn(console, "log").mockImplementation((...words) => void said.push(words.join(" ")));
  world = await createWorld(1, configWithSecrets(), secretValues);
  const release = async (name: string, ...pushed: Parameters<SimulatedWorld["release"]>) => {
    const id = await world.release(...pushed);
    ends[name] = await world.clock.runUntil(world.records.requireRelease(id));
  };
  const building = async (name: string, letter: string, passes: boolean) => {
    const prints = printed(tokens.build);
    world.commit(commit(letter), { pushes: false, stages: { "build-image": { passes, prints } } });
    await world.start({ service: "web", commit: commit(letter) });
    const id = `web-c${commit(letter).slice(0, 12)}-1`;
    ends[name] = await world.clock.runUntil(world.records.requireRelease(id));
  };
  const stages = (failing?: string) => ({
    "unit-tests": { passes: failing !== "unit-tests", prints: printed(tokens.stage) },
    "end-to-end": { passes: failing !== "end-to-end", prints: printed(tokens.verification) },
  });
  const migration = { ...migratingTo, prints: ofDatabases };
  await release("good", "aaaaaaa", { stages: stages() });
  await release("failing stage", "bbbbbbb", { stages: stages("unit-tests") });
  await release("failing migration", "ccccccc", { migration: { ...migration, exitCode: 1 } });
  await release("unreachable database", "ddddddd", {
    migration: { ...migration, prints: ofDatabases.toReversed(), unreachable: true },
  });
  await release("crash on start", "eeeeeee", {
    crashesOnStart: true,
    prints: [...ofSessions, ...ofDatabases].slice(-9),
  });
  await release("crash with its keys", "1111111", { crashesOnStart: true, prints: ofSessions });
  await release("failing verification", "fffffff", { stages: stages("end-to-end") });
  await building("failing build", "2", false);
  await building("build that pushes nothing", "3", true);
  seen = await world.clock.runUntil(readEverything(world));
}, 60_000);
afterAll(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await world.close();
});

/** Where a program's own log is AWS's to keep: it shows all that the program printed. */
const ownLogs = /^GetLogEvents (\/spillway\/spillway\/migrations|\/aws\/apprunner\/.*\/application)$/;

describe("a secret", () => {
  it("was printed by all that could print one, in releases that ended in every way", () => {
    expect(Object.fromEntries(Object.entries(ends).map(([name, { outcome }]) => [name, outcome]))).toEqual({
      good: "Released",
      "failing stage": "Rejected",
      "failing migration": "RolledBack",
      "unreachable database": "Rejected",
      "crash on start": "RolledBack",
      "crash with its keys": "RolledBack",
      "failing verification": "RolledBack",
      "failing build": "Rejected",
      "build that pushes nothing": "Rejected",
    });
    const logs = seen.filter(({ where }) => ownLogs.test(where)).flatMap(({ text }) => shownBy(text));
    for (const { url } of Object.values(database)) expect(logs).toContain(`${url} plain`);
    expect(logs).toContain(`${tokens.staging} plain`);
    const operations = new Set(seen.map(({ where }) => where.split(" ")[0]));
    for (const operation of [
      "Scan",
      "DescribeExecution",
      "GetExecutionHistory",
      "GetLogEvents",
      "BatchGetBuilds",
      "DescribeTaskDefinition",
      "DescribeTasks",
      "DescribeService",
    ])
      expect([...operations]).toContain(operation);
    expect(said.join("")).toContain('"message":"failed"');
  });

  it("is in no record, history, cause, event or answer of a service, and in no log of a build", () => {
    expect(leaks(seen.filter(({ where }) => !ownLogs.test(where)))).toEqual([]);
  });

  it("is in nothing that a function says", () => {
    expect(leaks([{ where: "stdout", text: said.join("") }])).toEqual([]);
  });

  it("is in nothing that the terminal shows", async () => {
    const lines: string[] = [];
    const progress = createProgress((line) => lines.push(line), world.clock.now);
    for (const event of world.events) progress.onEvent(event);
    for (const release of Object.values(ends)) {
      const deployments = await world.clock.runUntil(world.records.deployments(release.id));
      const report = reportOf(release, deployments, new Map(), {});
      const [scenario] = scenarios;
      if (scenario === undefined) throw new Error("there are scenarios");
      lines.push(JSON.stringify(report), renderReport(report));
      lines.push(renderPlayed({ scenario, report, clients: {}, endedAsTold: true }));
      lines.push(renderPlaces(release.id, placesOfBuilds(release, deployments)));
    }
    // What `npm run logs` prints of the logs that do show them.
    for (const { text } of seen.filter(({ where }) => where.startsWith("GetLogEvents")))
      lines.push(...JSON.parse(text).map((line: string) => renderLine({ at: 0, text: line })));
    expect(leaks([{ where: "terminal", text: lines.join("\n") }])).toEqual([]);
  });

  it("leaves in a cause what helps", () => {
    expect(ends["failing migration"]?.reason).toContain("relation links does not exist");
    expect(ends["unreachable database"]?.reason).toContain(
      "postgres://web:***@staging.db.internal:5432/web?sslmode",
    );
    expect(ends["crash on start"]?.reason).toContain("Cannot find module 'pg'");
  });
});
