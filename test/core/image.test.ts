import { describe, expect, it } from "vitest";
import { readLabels, readSchemaLabels, requireImage } from "../../core/image.ts";
import { schemaAfter } from "../../core/migration.ts";

describe("the labels of an image", () => {
  it("give the order of builds, or the time of the push does", () => {
    expect(readLabels({ "dev.spillway.sequence": "42" }, 7).sequence).toBe(42);
    expect(readLabels({}, 7)).toEqual({
      commit: undefined,
      sequence: 7,
      schema: undefined,
      author: undefined,
    });
  });

  it("are refused if they are there and cannot be read", () =>
    expect(() => readLabels({ "dev.spillway.sequence": "v1.2" }, 7)).toThrow(
      /dev\.spillway\.sequence is "v1\.2"; it must be a whole number/,
    ));

  it("of a migration give the order of schemas; without them it leads nowhere that is known", () => {
    const labels = {
      "dev.spillway.schema.history": "0001, 0002,",
      "dev.spillway.schema.readable-from": "0001",
    };
    expect(schemaAfter(readSchemaLabels(labels))).toEqual({
      revision: "0002",
      history: ["0001", "0002"],
      readableFrom: "0001",
    });
    expect(schemaAfter(readSchemaLabels({}))).toMatchObject({ revision: null, history: [] });
  });
});

it("is not there for a release by commit, which says where it is", () =>
  expect(() => requireImage({ id: "web-3f2a91c" })).toThrow(
    "web-3f2a91c is a release by commit and has no image; deploy the release that its image's push opened.",
  ));
