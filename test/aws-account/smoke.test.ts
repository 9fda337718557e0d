import { afterEach, describe, expect, it } from "vitest";
import { parseConfig } from "../../core/config.ts";
import { targetName } from "../../core/names.ts";
import { describeApplication } from "../../infra/application.ts";
import { sleep } from "../../local/asl/index.ts";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";
import { awaitRelease, type Outside, rollBack } from "./looking.ts";
import { smokeConfig } from "./smoke-config.ts";
import { planSmoke, type Smoke, smokePrefix, twoCommits } from "./smoke-plan.ts";

const [earlier, later] = ["a", "b"].map((digit) => digit.repeat(40)) as [string, string];
const smoke: Smoke = {
  place: { account: "123456789012", region: "eu-central-1", source: "https://github.com/example/web.git" },
  stage: "smoke-ab12",
  folder: "/somewhere",
  root: "/repository",
  commits: { earlier, later },
};

describe("what a smoke test does", () => {
  const { preparation, steps, removal, remains } = planSmoke(smoke);

  it("deploys the stage, releases two commits, and rolls back to the first", () => {
    const said = [...preparation, ...steps].map((step) =>
      "command" in step ? step.command.join(" ") : step.does,
    );
    expect(said.filter((words) => !words.startsWith("git "))).toEqual([
      "npm ci",
      "take the config of the smoke test",
      "npx sst deploy --stage smoke-ab12",
      "bash /somewhere/earlier/examples/ci/build-and-push.sh",
      `release ${earlier}`,
      "bash /somewhere/later/examples/ci/build-and-push.sh",
      `release ${later}`,
      `roll back to ${earlier}`,
    ]);
  });

  it("has nothing in the account before the first step, so that removal has something to remove from then on", () => {
    const said = preparation.flatMap((step) => ("command" in step ? [step.command[0]] : []));
    expect(new Set(said)).toEqual(new Set(["git", "npm"]));
    expect(steps[0]).toMatchObject({ command: ["npx", "sst", "deploy", "--stage", "smoke-ab12"] });
  });

  it("removes the stage, and lists what begins with the stage's name afterwards", () => {
    expect(removal.map(({ does }) => does)).toEqual([
      "stop what still runs",
      "take away the lock of a deployment that was interrupted",
      "remove the stage smoke-ab12",
    ]);
    expect(remains.length).toBeGreaterThan(10);
    for (const step of remains)
      expect("command" in step && step.command.join(" ")).toContain(smokePrefix(smoke));
  });

  it("touches no stage but its own, and pushes where that stage reads", () => {
    for (const step of [...preparation, ...steps, ...removal])
      if ("command" in step && step.command[1] === "sst")
        expect(step.command.slice(-2)).toEqual(["--stage", smoke.stage]);
    const pushes = steps.flatMap((step) => ("command" in step && step.environment?.REPOSITORY) || []);
    expect(pushes).toEqual(["spillway-smoke-ab12/web", "spillway-smoke-ab12/web"]);
  });

  it("needs no secret and no database, and gives App Runner a name that fits", () => {
    const config = parseConfig(smokeConfig(smoke.place));
    expect(describeApplication(config, smokePrefix(smoke)).secrets).toEqual([]);
    expect(targetName(smokePrefix(smoke), "web", "development").length).toBeLessThanOrEqual(40);
  });

  it("takes an earlier commit that is older by its time, since that orders releases", () => {
    const log = [
      { commit: "c", at: 30 },
      { commit: "b", at: 30 },
      { commit: "a", at: 10 },
    ];
    expect(twoCommits(log)).toEqual({ earlier: "a", later: "c" });
    expect(twoCommits(log.slice(0, 2))).toBeUndefined();
    expect(twoCommits([])).toBeUndefined();
  });
});

describe("how a smoke test looks at a release, tried in the simulated world", () => {
  let world: SimulatedWorld;
  afterEach(() => world.close());
  const outside = (): Outside => ({
    connection: world.connection,
    prefix: "spillway",
    environment: "production",
    sleep: (milliseconds) => sleep(world.clock, milliseconds),
    machineArn: (name) => world.made.machines[name] ?? "",
  });

  it("waits for releases, and rolls back", async () => {
    world = await createWorld();
    await world.push("aaaaaaa");
    const first = await world.clock.runUntil(awaitRelease(outside(), "web", "aaaaaaa"));
    expect(await world.clock.runUntil(world.records.requireRelease(first))).toMatchObject({
      outcome: "Released",
    });
    await world.push("bbbbbbb");
    await world.clock.runUntil(awaitRelease(outside(), "web", "bbbbbbb"));
    await world.clock.runUntil(rollBack(outside(), "rollback-smoke", "aaaaaaa"));
    expect(world.serving()).toBe("aaaaaaa");
  });

  it("fails with the outcome and the reason of a release that did not end well", async () => {
    world = await createWorld();
    await world.push("aaaaaaa", { stages: { "unit-tests": { passes: false } } });
    await expect(world.clock.runUntil(awaitRelease(outside(), "web", "aaaaaaa"))).rejects.toMatchObject({
      name: "SmokeFailed",
      message: expect.stringMatching(/ended Rejected: .*StageFailed/),
    });
  });
});
