import { describe, expect, it } from "vitest";
import { judgeCoverage, placesThereAre } from "./coverage.ts";
import { outOfReach } from "./out-of-reach.ts";

describe("the report on coverage", () => {
  it("gives each place a name of its own", async () => {
    const places = await placesThereAre();
    const twice = places.filter((place, at) => places.indexOf(place) !== at);
    expect(twice).toEqual([]);
  });

  it("leaves out only places that there are", async () => {
    const places = await placesThereAre();
    expect(Object.keys(outOfReach).filter((place) => !places.includes(place))).toEqual([]);
  });

  const places = ["deploy A", "deploy B retry Throttled"];
  const one = new Map([["deploy A", [3, 5]]]);

  it("is whole if every place was taken or is out of reach", () => {
    const { says, isWhole } = judgeCoverage(places, one, {
      "deploy B retry Throttled": "nobody asks for it",
    });
    expect(isWhole).toBe(true);
    expect(says).toContain("out of reach: deploy B retry Throttled, because nobody asks for it");
  });

  it("fails by name of what was neither taken nor is out of reach", () => {
    const { says, isWhole } = judgeCoverage(places, one, {});
    expect(isWhole).toBe(false);
    expect(says).toContain("NOT TAKEN deploy B retry Throttled");
  });

  it("fails by name of what was taken although it is said to be out of reach", () => {
    const both = new Map([...one, ["deploy B retry Throttled", [7]]]);
    const { says, isWhole } = judgeCoverage(places, both, { "deploy A": "nobody comes there" });
    expect(isWhole).toBe(false);
    expect(says).toContain("NOT OUT OF REACH deploy A: seed 3 took it");
  });
});
