import { afterEach, describe, expect, it } from "vitest";
import { readStatus, renderStatus } from "../../cli/environment-status.ts";
import { readReleaseRecord, renderReleaseRecord } from "../../cli/release-record.ts";
import { createOperator } from "../simulation/operator.ts";
import { createWorld, type SimulatedWorld } from "../simulation/world.ts";

let world: SimulatedWorld;
afterEach(() => world.close());

const recordOf = (id: string) => world.clock.runUntil(readReleaseRecord(world.records, id));
const textOf = async (id: string) => renderReleaseRecord(await recordOf(id));

describe("npm run record", () => {
  it("links all that a released deployment was: what, on what, found how, by whom and why", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa");
    const migration = { after: "0002", history: ["0001", "0002"], readableFrom: "0001" };
    const id = await world.release("bbbbbbb", { author: "ada", migration });
    const { release, deployments } = await recordOf(id);
    expect(release).toMatchObject({
      ...{ commit: "bbbbbbb", author: "ada", trigger: "push", outcome: "Released" },
      image: { digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
      executionArn: expect.stringContaining(":execution:"),
    });
    expect(deployments).toHaveLength(1);
    expect(deployments[0]).toMatchObject({
      ...{ release: id, environment: "production", intent: "deploy", fence: 2, outcome: "Released" },
      ...{ startedBy: release.executionArn, previous: { release: first, commit: "aaaaaaa" } },
      migration: { before: "0001", after: "0002", confirmed: true },
      health: [{ phase: "deployed", verdict: "healthy" }],
      reason: expect.any(String),
    });
    const text = await textOf(id);
    for (const { build, passed, buildArn } of Object.values(release.evidence)) {
      expect(passed).toBe(true);
      expect(text).toMatch(new RegExp(`evidence {5}${build} passed in [\\d.]+ s`));
      expect(text).toContain(buildArn);
    }
    const said = [
      ...[
        `${id}  Released`,
        release.image?.digest,
        "bbbbbbb",
        "made by      ada",
        "by push (arn:aws:states:",
      ],
      ...[
        "production, attempt 1: deploy  Released",
        "lease        fence 2",
        `live before  ${first}, commit aaaaaaa`,
      ],
      ...["migration    0001 to 0002, confirmed", "deployed     healthy after", "HTTP 200"],
    ];
    for (const words of said) expect(text).toContain(words);
  });

  it("says what was seen of one that was rolled back, what serves again, and what it keeps out", async () => {
    world = await createWorld();
    await world.release("aaaaaaa");
    const text = await textOf(await world.release("bbbbbbb", { healthStatus: 500 }));
    expect(text).toMatch(
      /production, attempt 1: deploy {2}RolledBack\n {2}reason {7}rolled back to .*because DeploymentUnhealthy/,
    );
    expect(text).toContain("deployed     unhealthy after");
    expect(text).toContain("answered HTTP 500");
    expect(text).toContain("rollback     restored, 2026-01-01T");
    expect(text).toContain("restored     healthy after");
    expect(text).toContain("quarantine   since 2026-01-01T");
  });

  it("lets nobody's words steer the terminal or show a secret, nor does npm run status", async () => {
    world = await createWorld();
    const first = await world.release("aaaaaaa", { author: "\u001b]0;mallory\u0007ada" });
    const reason = "\u001b[2J\u001b[1;1Hall is well, DATABASE_URL=postgres://web:hunter22@db/web";
    await world.deploy({ intent: "recover", service: "web", environment: "production", reason });
    const { deployments } = await recordOf(first);
    expect(deployments.at(-1)?.why).toBeDefined();
    const statuses = await world.clock.runUntil(readStatus(world.records, {}));
    for (const text of [await textOf(first), renderStatus(statuses)]) {
      expect(text).not.toMatch(/[^\P{Cc}\n]/u);
      expect(text).not.toContain("hunter22");
    }
    expect(await textOf(first)).toContain("all is well");
  });

  it("says who cancelled one and why, and who asked for it by hand", async () => {
    world = await createWorld();
    const digest = await world.push("aaaaaaa", { stages: { "unit-tests": { seconds: 3_000 } } });
    await world.clock.advance(30_000);
    const id = `web-${digest.slice(7, 19)}-1`;
    const request = { action: "cancel", release: id, reason: "the wrong logo" };
    expect(await createOperator(world, "ada").ask(request)).toMatchObject({ status: 200 });
    await world.ended(id);
    const text = await textOf(id);
    expect(text).toContain(`${id}  Cancelled`);
    expect(text).toMatch(/cancelled {4}2026-01-01T.*user\/ada: the wrong logo/);
    expect(text).toMatch(
      /asked for by hand\n {2}2026-01-01T.* cancel by .*user\/ada, because: the wrong logo;/,
    );
  });

  it("says where the names of releases are when there is none of that name", async () => {
    world = await createWorld();
    await expect(recordOf("web-1")).rejects.toThrow("There is no release web-1; npm run status names");
  });
});
