import { describe, expect, it } from "vitest";
import { readArguments, UsageError, usage } from "../../cli/arguments.ts";

describe("the command line", () => {
  it("has a default for everything", () => {
    expect(readArguments([])).toEqual({
      port: undefined,
      once: false,
      json: false,
      scenario: undefined,
      fresh: false,
      folder: ".spillway",
      config: undefined,
    });
  });

  it("reads every flag", () => {
    const words = [
      "--once",
      "--json",
      "--port",
      "4600",
      "--scenario=unhealthy",
      "--fresh",
      "--folder",
      "state",
      "--config=a.ts",
    ];
    expect(readArguments(words)).toEqual({
      port: 4600,
      once: true,
      json: true,
      scenario: "unhealthy",
      fresh: true,
      folder: "state",
      config: "a.ts",
    });
  });

  it.each([
    [["--nope"], "--nope"],
    [["word"], "word"],
    [["--port"], "--port"],
    [["--port", "0"], "1 to 65535"],
    [["--port", "65536"], "1 to 65535"],
    [["--port", "4566.5"], "1 to 65535"],
    [["--port", "web"], '"web"'],
    [["--scenario", "../healthy"], "failing-unit-tests"],
  ])("refuses %j and shows the usage", (words, part) => {
    const read = () => readArguments(words);
    expect(read).toThrow(UsageError);
    expect(read).toThrow(part);
    expect(read).toThrow(usage);
  });
});
