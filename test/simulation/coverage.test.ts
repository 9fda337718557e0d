import { describe, expect, it } from "vitest";
import { placesThereAre } from "./coverage.ts";
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
});
