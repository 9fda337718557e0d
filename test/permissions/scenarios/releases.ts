import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { exampleWith, oneEnvironment } from "../../simulation/environments.ts";
import type { Behaviour } from "../../simulation/world.ts";
import type { Scenario } from "../scenario.ts";
import { changed, commit, expand, minutes, reporting, verified, withBuild } from "../steps.ts";

const holidays = { start: "2026-12-24T00:00", duration: "P3D", timeZone: "UTC", reason: "nobody is there" };

/** Releases that go their way, to whatever end. */
export const releases: readonly Scenario[] = [
  {
    name: "releases that go well, with reports, artifacts, secrets of a build and a migration",
    config: changed(oneEnvironment(), ({ stages }) =>
      Object.assign(stages["unit-tests"] ?? {}, { needs: "image", secrets: { TOKEN: "scanner:token" } }),
    ),
    secrets: { scanner: '{"token":"planted"}' },
    async play(world) {
      const artifacts = [{ identifier: undefined, location: "arn:aws:s3:::spillway-artifacts/one" }];
      const reports: NonNullable<Behaviour["stages"]>[string]["reports"] = [
        { group: "unit", type: "TEST", content: undefined },
        { group: "coverage", type: "CODE_COVERAGE", content: undefined },
      ];
      await world.release("aaaaaaa", { stages: { "unit-tests": { pulls: true, reports, artifacts } } });
      await world.release("bbbbbbb", { migration: expand });
    },
  },
  {
    name: "a check that fails, and those that run beside it",
    config: oneEnvironment(),
    play: (world) =>
      world.release("aaaaaaa", {
        stages: {
          "unit-tests": { ...reporting, passes: false, seconds: 5 },
          "static-analysis": { seconds: 600 },
        },
      }),
  },
  {
    name: "a start by commit, whose build pushes the image",
    config: withBuild("source"),
    async play(world) {
      world.commit(commit);
      await world.start({ service: "web", commit });
      await minutes(world, 20);
    },
  },
  {
    name: "a build of the image that fails",
    config: withBuild("source"),
    async play(world) {
      world.commit(commit, { stages: { "build-image": { passes: false } } });
      await world.start({ service: "web", commit });
    },
  },
  {
    name: "an unhealthy release, whose migration is taken back",
    config: exampleWith({ migration: { revert: "allowed" } }),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { healthStatus: 500, migration: expand });
    },
  },
  {
    name: "a release that crashes on start",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { crashesOnStart: true });
    },
  },
  {
    name: "migrations that take too long, fail, or say nothing, and a database that is not there",
    config: changed(exampleWith({}), ({ migration }) =>
      Object.assign(migration ?? {}, { timeoutMinutes: 1 }),
    ),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { migration: { ...expand, seconds: 200 } });
      await world.release("ccccccc", { migration: { ...expand, exitCode: 1 } });
      await world.release("ddddddd", { migration: { ...expand, silent: true } });
      await world.release("eeeeeee", { migration: { unreachable: true } });
    },
  },
  {
    name: "a release that another system asks for",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      const bus = new EventBridgeClient(world.connection.client);
      const Entries = [
        {
          EventBusName: world.made.bus,
          Source: "my.ci",
          DetailType: "Release Requested",
          Detail: JSON.stringify({ service: "web", tag: "aaaaaaa" }),
        },
      ];
      await world.clock.runUntil(bus.send(new PutEventsCommand({ Entries })));
      await minutes(world, 10);
    },
  },
  {
    name: "a release that bakes, watched by an alarm and by its share of failed requests",
    config: exampleWith({ bake: { minutes: 1, alarms: ["errors"], errorPercent: 5 } }),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb");
      await minutes(world, 10);
    },
  },
  {
    name: "a release that is resumed after it failed",
    config: oneEnvironment(),
    async play(world) {
      const failed = await world.release("aaaaaaa", { stages: { "unit-tests": { passes: false } } });
      await world.start({ resume: failed });
    },
  },
  {
    name: "a verification that fails, and the one that runs beside it",
    config: verified("end-to-end", "performance"),
    play: (world) =>
      world.release("aaaaaaa", {
        stages: { "end-to-end": { passes: false, seconds: 5 }, performance: { seconds: 600 } },
      }),
  },
  {
    name: "two releases at once, in an environment with a calendar",
    config: exampleWith({ freezes: [holidays] }),
    async play(world) {
      await world.release("aaaaaaa");
      await world.push("bbbbbbb");
      await world.clock.advance(30_000);
      await world.push("ccccccc");
      await minutes(world, 30);
    },
  },
];
