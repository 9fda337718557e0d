import { describe, expect, it } from "vitest";
import { choosePlaces, type LogPlace, latestDeployments, renderPlaces } from "../../cli/log-places.ts";

const place = (name: string, environment?: string): LogPlace => ({
  name,
  environment,
  state: "passed",
  group: "/aws/codebuild/web",
  stream: name,
});

const places = [
  place("unit-tests[TZ=UTC]"),
  place("unit-tests[TZ=Asia/Tokyo]"),
  place("end-to-end", "staging"),
  place("end-to-end", "production"),
  place("service", "production"),
];
const names = (chosen: LogPlace[]) =>
  chosen.map(({ name, environment }) => `${name} ${environment ?? ""}`.trim());

describe("the logs of a release", () => {
  it("are those of every environment, unless one is named", () => {
    expect(names(choosePlaces(places, "end-to-end", undefined))).toEqual([
      "end-to-end staging",
      "end-to-end production",
    ]);
    expect(names(choosePlaces(places, "end-to-end", "production"))).toEqual(["end-to-end production"]);
  });

  it("are those of every build of a stage with a matrix, or of the one named", () => {
    expect(choosePlaces(places, "unit-tests", undefined)).toHaveLength(2);
    expect(names(choosePlaces(places, "unit-tests[TZ=UTC]", undefined))).toEqual(["unit-tests[TZ=UTC]"]);
  });

  it("are none for a name that is only the beginning of another", () => {
    expect(choosePlaces(places, "unit", undefined)).toEqual([]);
  });

  it("are listed with the words that show them", () => {
    const lines = renderPlaces("web-1", places).split("\n");
    expect(lines).toHaveLength(places.length);
    expect(lines[3]).toMatch(/^ {2}npm run logs -- web-1 end-to-end --environment production +passed$/);
    expect(lines[0]).toMatch(/^ {2}npm run logs -- web-1 'unit-tests\[TZ=UTC\]' +passed$/);
    expect(renderPlaces("web-1", [])).toBe("Nothing has run for web-1 yet, or its logs have expired.");
  });

  it("of a service are listed once, as its last deployment ended, however often it was deployed", () => {
    const [first, second, other] = [
      { environment: "production", attempt: 1, outcome: "Released" },
      { environment: "production", attempt: 2, outcome: "Rejected" },
      { environment: "staging", attempt: 1, outcome: "Released" },
    ];
    expect(latestDeployments([first, second, other])).toEqual([second, other]);
  });
});
