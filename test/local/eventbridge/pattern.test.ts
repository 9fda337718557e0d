import { describe, expect, it } from "vitest";
import { compilePattern } from "../../../local/eventbridge/pattern.ts";

const matches = (pattern: unknown, event: unknown) => compilePattern(JSON.stringify(pattern)).matches(event);

function reason(pattern: unknown): string {
  try {
    compilePattern(typeof pattern === "string" ? pattern : JSON.stringify(pattern));
  } catch (error) {
    return (
      String(error)
        .split("\n")[0]
        ?.replace("InvalidEventPatternException: Event pattern is not valid. Reason: ", "") ?? ""
    );
  }
  return "valid";
}

describe("a value of an event", () => {
  it.each<[pattern: unknown, yes: unknown[], no: unknown[]]>([
    [
      ["a", 1, true, null],
      ["a", 1, true, null, ["b", "a"]],
      ["A", "1", "true", false, "", undefined, {}, []],
    ],
    [[300], [300, 3e2], ["300", 300.1]],
    [[{ prefix: "v1." }], ["v1.2", "v1."], ["V1.2", 1, null]],
    [[{ suffix: ".png" }], ["a.png"], ["a.PNG", "png"]],
    [[{ prefix: { "equals-ignore-case": "V1" } }], ["v1.2", "V1"], ["w1"]],
    [[{ suffix: { "equals-ignore-case": ".PNG" } }], ["a.png"], ["a.gif"]],
    [[{ "equals-ignore-case": "Web" }], ["web", "WEB"], ["webs", 1]],
    [[{ exactly: "web" }], ["web"], ["Web"]],
    [[{ wildcard: "a*b*c" }], ["abc", "a-b-bc", "axxbyyc"], ["ab", "acb", "abcd", "xabc"]],
    [[{ wildcard: "*" }], ["", "x"], [1, null]],
    [[{ wildcard: "ab*ba" }], ["abba", "ab-ba"], ["aba"]],
    [[{ wildcard: "a\\*\\\\*" }], ["a*\\", "a*\\x"], ["ab\\"]],
    [[{ numeric: [">", 0, "<=", 5] }], [1, 5], [0, 5.1, "3", null]],
    [[{ numeric: ["=", 3.018e2] }], [301.8], [301]],
    [[{ numeric: ["<", 0] }], [-1], [0, 1]],
    [[{ exists: true }], ["x", 0, null, false, ""], [undefined, {}, [], { deeper: 1 }]],
    [[{ exists: false }], [undefined, {}, [], { deeper: 1 }], ["x", null, ["x"]]],
    [[{ exists: false }, "x"], [undefined, "x"], ["y"]],
    [[{ "anything-but": "a" }], ["b", 1, null, ["a", "b"]], ["a", ["a"], undefined]],
    [[{ "anything-but": [1, 2] }], [3, "1"], [1, 2.0]],
    [[{ "anything-but": { prefix: ["a", "b"] } }], ["c", 1], ["ab", "ba"]],
    [[{ "anything-but": { suffix: ".tmp" } }], ["a"], ["a.tmp"]],
    [[{ "anything-but": { wildcard: "*/tmp/*" } }], ["/usr/x"], ["/var/tmp/x"]],
    [[{ "anything-but": { "equals-ignore-case": ["A", "B"] } }], ["c"], ["a", "B"]],
    [[{ cidr: "10.1.0.0/16" }], ["10.1.0.0", "10.1.255.255"], ["10.2.0.0", "10.1.0", "10.1.0.999", "::1", 1]],
    [[{ cidr: "2001:db8::/33" }], ["2001:DB8::1", "2001:db8:7fff::"], ["2001:db8:8000::", "10.0.0.1"]],
    [["2001:db8::1"], ["2001:0db8:0:0:0:0:0:1"], ["2001:db8::2"]],
  ])("%j", (pattern, yes, no) => {
    for (const value of yes)
      expect(matches({ detail: { x: pattern } }, { detail: { x: value } }), JSON.stringify(value)).toBe(true);
    for (const value of no)
      expect(matches({ detail: { x: pattern } }, { detail: { x: value } }), JSON.stringify(value)).toBe(
        false,
      );
  });
});

describe("fields together", () => {
  it("must come from one element of an array", () => {
    const event = {
      parts: [
        { kind: "a", size: 1 },
        { kind: "b", size: 2 },
      ],
    };
    expect(matches({ parts: { kind: ["b"], size: [2] } }, event)).toBe(true);
    expect(matches({ parts: { kind: ["a"], size: [2] } }, event)).toBe(false);
    const nested = { rows: [{ cells: [{ x: 1 }, { x: 2, y: 2 }] }, { cells: [{ x: 3, y: 4 }] }] };
    expect(matches({ rows: { cells: { x: [2], y: [2] } } }, nested)).toBe(true);
    expect(matches({ rows: { cells: { x: [1], y: [4] } } }, nested)).toBe(false);
  });

  it("are joined by dots, in patterns and in events", () => {
    expect(matches({ "a.b": { c: [1] } }, { a: { "b.c": 1 } })).toBe(true);
  });

  it("take alternatives by $or, also several and inside each other", () => {
    const pattern = {
      source: ["aws.ecs"],
      detail: {
        $or: [{ a: [1] }, { b: [2], $or: [{ c: [3] }, { d: [4] }] }],
      },
      $or: [{ x: ["y"] }, { x: [{ exists: false }] }],
    };
    expect(matches(pattern, { source: "aws.ecs", detail: { a: 1 } })).toBe(true);
    expect(matches(pattern, { source: "aws.ecs", detail: { b: 2, d: 4 }, x: "y" })).toBe(true);
    expect(matches(pattern, { source: "aws.ecs", detail: { b: 2 } })).toBe(false);
    expect(matches(pattern, { source: "aws.ecs", detail: { a: 1 }, x: "z" })).toBe(false);
    expect(matches(pattern, { source: "other", detail: { a: 1 } })).toBe(false);
  });

  it("are not taken from prototypes", () => {
    expect(matches({ detail: { constructor: { name: [{ exists: true }] } } }, { detail: {} })).toBe(false);
    expect(matches({ toString: [{ exists: true }] }, {})).toBe(false);
  });
});

describe("patterns that AWS refuses", () => {
  it.each<[unknown, string]>([
    [[], "Filter is not an object"],
    ["", "Filter is not an object"],
    [{}, "Empty objects are not allowed"],
    [{ a: {} }, "Empty objects are not allowed"],
    [{ a: [] }, "Empty arrays are not allowed"],
    [{ a: "b" }, '"a" must be an object or an array'],
    [{ a: [["b"]] }, "Match value must be String, number, true, false, or null"],
    [{ a: [{}] }, "Match expression name not found"],
    [{ a: [{ regex: "b" }] }, "Unrecognized match type regex"],
    [{ a: [{ prefix: "b", suffix: "c" }] }, "Only one key allowed in match expression"],
    [{ a: [{ exists: "yes" }] }, "exists match pattern must be either true or false."],
    [{ a: [{ prefix: { wildcard: "b" } }] }, "Unsupported prefix pattern: wildcard"],
    [{ a: [{ suffix: [] }] }, "suffix match pattern must be a string"],
    [{ a: [{ numeric: 5 }] }, "Value of numeric must be an array."],
    [{ a: [{ numeric: [5] }] }, "Invalid member in numeric match: 5"],
    [{ a: [{ numeric: ["!", 5] }] }, "Unrecognized numeric range operator: !"],
    [{ a: [{ numeric: [">", "5"] }] }, "Value of > must be numeric"],
    [{ a: [{ numeric: ["=", "5"] }] }, "Value of equals must be numeric"],
    [{ a: [{ numeric: ["<", 5, ">", 1] }] }, "Too many elements in numeric expression"],
    [{ a: [{ numeric: [">", 5, 6] }] }, "Bad value in numeric range: 6"],
    [{ a: [{ numeric: [">", 5, "<", 6, "<"] }] }, "Too many terms in numeric range expression"],
    [{ a: [{ numeric: [">", 5, "<", 1] }] }, "Bottom must be less than top"],
    [
      { a: [{ "anything-but": [] }] },
      "Inside anything but list, either all values are number or string, mixed type is not supported",
    ],
    [
      { a: [{ "anything-but": ["b", 1] }] },
      "Inside anything but list, either all values are number or string, mixed type is not supported",
    ],
    [{ a: [{ "anything-but": { numeric: [">", 1] } }] }, "Unsupported anything-but pattern: numeric"],
    [{ a: [{ "anything-but": { suffix: "" } }] }, "Null prefix/suffix not allowed"],
    [{ a: [{ wildcard: "a\\b" }] }, "Invalid escape character at pos 2"],
    [{ a: [{ cidr: "10.0.0.0/32" }] }, "IPv4 mask bits must be < 32"],
    [{ a: [{ cidr: "::/128" }] }, "IPv6 mask bits must be < 128"],
    [{ a: [{ cidr: "10.0.0.0/-1" }] }, "Malformed CIDR, mask bits must not be negative"],
    [{ a: [{ cidr: "10.0.0.999/8" }] }, "Invalid IP address: 10.0.0.999"],
    [{ $or: { a: [1] } }, "It must be an Array followed with $or."],
    [{ $or: [{ a: [1] }] }, "There must have at least 2 Objects in $or relationship."],
    [{ $or: [{ a: [1] }, 2] }, "Only JSON object is allowed in array of $or relationship."],
    [
      { $or: [{ prefix: [1] }, { a: [1] }] },
      "prefix is Ruler reserved fieldName which cannot be used inside $or.",
    ],
    ['{"a": [1}', "Unexpected character ('}' (code 125)): was expecting comma to separate Array entries"],
    [
      '{"a" [1]}',
      "Unexpected character ('[' (code 91)): was expecting a colon to separate field name and value",
    ],
    ["{a: [1]}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name"],
    [
      '{"a": [1,]}',
      "Unexpected character (']' (code 93)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
    ],
    ['{"a": ["b', "Unexpected end-of-input: was expecting closing quote for a string value"],
  ])("%j", (pattern, expected) => {
    expect(reason(pattern)).toBe(expected);
  });

  it("an unfinished text", () => {
    expect(reason('{"a": [1]')).toContain(
      "Unexpected end-of-input: expected close marker for Object (start marker at",
    );
    expect(reason('{"a": [')).toContain("expected close marker for Array");
    expect(reason('{"a"')).toContain("Unexpected end-of-input");
  });

  it("too many combinations of $or", () => {
    const either = { $or: [{ a: [1] }, { b: [1] }, { c: [1] }, { d: [1] }] };
    const pattern = { v: either, w: either, x: either, y: either, z: either };
    expect(reason(pattern)).toContain("too complex");
  });
});
