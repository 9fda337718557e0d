import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { Scenario } from "../permissions/scenario.ts";
import { scenarios } from "../permissions/scenarios.ts";
import { exampleWith, oneEnvironment } from "../simulation/environments.ts";
import { createOperator } from "../simulation/operator.ts";
import type { SimulatedWorld } from "../simulation/world.ts";

const day = 24 * 3_600_000;
const health = { intervalSeconds: 1, consecutiveSuccesses: 2, deadlineSeconds: 20 };

/** Lets nobody look after what sleeps, so that only its own timeout ends it. */
async function stopLooking(world: SimulatedWorld): Promise<void> {
  const bus = new EventBridgeClient(world.connection.client);
  for (const Name of ["EveryMinute", "PushesDue", "ImagesDue"])
    await world.clock.runUntil(bus.send(new DisableRuleCommand({ Name })));
}

/** Takes from a function whatever it may do. */
function disable(world: SimulatedWorld, name: string): void {
  const role = world.aws.iam.roles().find(({ arn }) => arn.endsWith(`:role/${name}`));
  if (role === undefined) throw new Error(`there is no role ${name}`);
  world.aws.iam.putRole({ ...role, statements: [] });
}

function verified() {
  const config = exampleWith({ verification: [["end-to-end"]] });
  Object.assign(config.services.web?.stages ?? {}, { "end-to-end": { buildspec: "end-to-end.yml" } });
  return config;
}

/** Of the scenarios of the permissions, those that come to states where no other comes. */
const chosen: readonly string[] = [
  "migrations that take too long, fail, or say nothing, and a database that is not there",
  "releases that a person cancels, in a check and in a migration",
  "an unhealthy release, whose migration is taken back",
  "a start by commit, whose build pushes the image",
  "work that has ended before anybody looks at it",
];

/** What brings executions to the states that the scenarios of the permissions do not come to. */
const rareEnds: readonly Scenario[] = [
  {
    name: "an approval that nobody gives in a week",
    config: exampleWith({ approval: { count: 1, expiresAfterHours: 168 } }),
    async play(world) {
      await world.push("aaaaaaa");
      await stopLooking(world);
      await world.clock.advance(8 * day);
    },
  },
  {
    name: "a freeze that outlives the patience of who waits for it",
    config: exampleWith({
      freezes: [{ start: "2025-12-30T00:00", duration: "P30D", timeZone: "UTC", reason: "nobody is there" }],
    }),
    async play(world) {
      await world.push("aaaaaaa");
      await stopLooking(world);
      await world.clock.advance(15 * day);
    },
  },
  {
    name: "a verification that fails",
    config: verified(),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { stages: { "end-to-end": { passes: false } } });
    },
  },
  {
    name: "a release that becomes ill while it bakes",
    config: exampleWith({ health, bake: { minutes: 5, intervalSeconds: 10 } }),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { failsFrom: world.clock.now() + 120_000 });
    },
  },
  {
    name: "a bake that cannot be judged, of which a person decides",
    config: exampleWith({ health, bake: { minutes: 1, intervalSeconds: 10, alarms: ["no-such-alarm"] } }),
    play: (world) => world.release("aaaaaaa"),
  },
  {
    name: "a bake that cannot be judged, where the config wants proof",
    config: exampleWith({
      health,
      bake: { minutes: 2, alarms: ["no-such-alarm"], whenInconclusive: "rollBack" },
    }),
    play: (world) => world.release("aaaaaaa"),
  },
  {
    name: "a service that cannot be reached",
    config: exampleWith({ health }),
    async play(world) {
      await world.release("aaaaaaa");
      await world.release("bbbbbbb", { unreachable: true });
    },
  },
  {
    name: "an end that cannot be recorded",
    config: oneEnvironment(),
    async play(world) {
      disable(world, "spillway-RecordDeployment");
      await world.release("aaaaaaa");
    },
  },
  {
    name: "a line that is stopped when the turn was given and the lease was not taken yet",
    config: oneEnvironment(),
    async play(world, between) {
      const where = { service: "web", environment: "production", reason: "an outage" };
      const ask = (action: string) => createOperator(world, "ada").ask({ action, ...where });
      between.after({ function: "AcquireLease", operation: "DynamoDB_20120810.BatchGetItem" }, async () => {
        await ask("stop-the-line");
        return "answered";
      });
      await world.push("aaaaaaa");
      await world.clock.advance(10 * 60_000);
      await world.clock.runUntil(ask("resume-the-line"));
      await world.clock.advance(10 * 60_000);
    },
  },
  {
    name: "releases that are older than what is live, in line behind a newer one, and asked for twice",
    config: oneEnvironment(),
    async play(world) {
      await world.release("aaaaaaa");
      await world.push("bbbbbbb", { migration: { seconds: 200 } });
      await world.clock.advance(60_000);
      await world.push("ccccccc");
      await world.clock.advance(60_000);
      await world.start({ service: "web", tag: "ccccccc" });
      await world.push("ddddddd");
      await world.clock.advance(20 * 60_000);
      await world.release("eeeeeee", { sequence: 1 });
    },
  },
];

/** So much of an installation's life that every state of both machines is entered. */
export const stateScenarios: readonly Scenario[] = [
  ...rareEnds,
  ...scenarios.filter(({ name }) => chosen.includes(name)),
];
