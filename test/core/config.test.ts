import { describe, expect, it } from "vitest";
import { type ConfigInput, parseConfig } from "../../core/config.ts";
import { oneEnvironment } from "../simulation/environments.ts";

const broken = (change: (config: ConfigInput) => unknown): string => {
  const config = oneEnvironment();
  change(config);
  try {
    parseConfig(config);
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return "accepted";
};
const web = (config: ConfigInput) => {
  const service = config.services.web;
  if (service === undefined) throw new Error("the example has a service web");
  return service;
};

describe("spillway.config.ts", () => {
  it("fills in the defaults", () => {
    const { environments, image } = parseConfig(oneEnvironment()).services.web ?? {};
    expect(image?.platform).toBe("linux/amd64");
    expect(environments?.production?.health).toMatchObject({
      path: "/health",
      consecutiveFailures: 3,
      deadlineSeconds: 180,
    });
  });

  it("names the path and the remedy of a typo", () => {
    const said = broken((config) => Object.assign(web(config), { stagse: {} }));
    expect(said).toMatch(/^InvalidConfig: /);
    expect(said).toContain("services.web: unknown setting stagse; remove it or correct its spelling");
  });

  it("refuses a stage that no track runs, and a track of a stage that is not there", () => {
    const said = broken((config) => {
      web(config).tracks = [["static-analysis", "unit-tets"], ["integration-tests"], ["security-scan"]];
    });
    expect(said).toContain(
      "services.web.tracks: no stage is named unit-tets; there are static-analysis, unit-tests",
    );
    expect(said).toContain("unit-tests is never run");
  });

  it("says how a name must be written, where one is not", () => {
    const said = broken((config) => Object.assign(web(config).environments, { Staging: {} }));
    expect(said).toContain("services.web.environments.Staging: use 1 to 31 lower-case letters");
  });

  it("says in words what was expected and what came", () => {
    const said = broken((config) =>
      Object.assign(web(config), { image: { repository: 7 }, migration: undefined, waves: [] }),
    );
    expect(said).toContain("services.web.image.repository: Invalid input: expected string, received number");
    expect(said).toContain("services.web.waves: Too small: expected array to have >=1 items");
  });

  it("refuses an environment deployed twice", () => {
    expect(broken((config) => (web(config).waves = [["production"], ["production"]]))).toContain(
      "production is listed twice",
    );
  });

  it("wants a database secret where there are migrations", () => {
    const said = broken((config) =>
      Reflect.deleteProperty(web(config).environments.production ?? {}, "database"),
    );
    expect(said).toContain("production needs database.secret, because the service has a migration image");
    expect(said).toContain('say database: "none" if nothing is migrated there');
  });

  it("lets a stage check releases or environments, not both", () => {
    const both = broken((config) =>
      Object.assign(web(config).environments.production ?? {}, { verification: [["unit-tests"], ["smoke"]] }),
    );
    expect(both).toContain("production.verification: unit-tests is in tracks too");
    expect(both).toContain("production.verification: no stage is named smoke");
    const apart = broken((config) => {
      web(config).tracks = [["static-analysis", "unit-tests"], ["integration-tests"]];
      Object.assign(web(config).environments.production ?? {}, { verification: [["security-scan"]] });
    });
    expect(apart).toBe("accepted");
  });

  it("keeps what a release runs far below what a state may hold", () => {
    const said = broken((config) => {
      const { stages, tracks } = web(config);
      for (let n = 0; n < 15; n++) {
        stages[`stage-${n}`] = { buildspec: "x.yml", matrix: { A: [..."abcdefghijklmno"] } };
        tracks.push([`stage-${n}`]);
      }
      Object.assign(stages["unit-tests"] ?? {}, { matrix: { A: ["x".repeat(100)], B: ["y".repeat(100)] } });
    });
    expect(said).toContain("there are 229 builds in all; make at most 200");
    expect(said).toContain("is longer than 200 characters; shorten its values");
  });

  it("bounds a matrix, and keeps names that are Spillway's own", () => {
    const said = broken((config) => {
      const stage = web(config).stages["unit-tests"] ?? {};
      Object.assign(stage, { matrix: { A: ["1", "1"], B: [..."abcdefghijk"] } });
      Object.assign(web(config).stages, { "build-image": { buildspec: "x.yml" } });
      web(config).tracks.push(["build-image"]);
    });
    expect(said).toContain("the matrix of unit-tests makes 22 builds; make at most 20");
    expect(said).toContain("has a value of A twice");
    expect(said).toContain("build-image is the name of the build of images");
    expect(
      broken((config) =>
        Object.assign(web(config).stages["unit-tests"] ?? {}, { variables: { SPILLWAY_X: "" } }),
      ),
    ).toContain("not beginning with SPILLWAY_");
  });

  it("is refused whole if it is no config", () => {
    expect(() => parseConfig("web")).toThrow(/\(the whole file\): /);
  });

  it("may have a service that migrates nothing, and names what a list may have", () => {
    expect(broken((config) => Object.assign(web(config), { migration: undefined }))).toBe("accepted");
    const said = broken((config) => Object.assign(web(config), { stages: {} }));
    expect(said).toContain("no stage is named static-analysis; there are none");
  });
});
