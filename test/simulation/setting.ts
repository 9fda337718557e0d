import type { ConfigInput } from "../../core/config.ts";
import type { Environment, Rules, Setting } from "./plan.ts";

type ServiceInput = ConfigInput["services"][string];

const buildspecs = "examples/web/buildspecs";

/** The config of a simulated team: each service with two environments, a check of the commit, one of the image. */
export function settingConfig({ services, reverts, verifies, waves, rules = {} }: Setting): ConfigInput {
  const environment = (service: string, name: Environment): ServiceInput["environments"][string] => ({
    target: { kind: "apprunner", healthCheck: { intervalSeconds: 5 } },
    database: { secret: databaseSecret(service, name) },
    health: { intervalSeconds: 5, consecutiveSuccesses: 2, deadlineSeconds: 60, commitMember: "commit" },
    ...(verifies && name === "production" ? { verification: [["end-to-end"]] } : {}),
    ...demandsOf(rules[name] ?? {}),
  });
  const serviceOf = (service: string): ServiceInput => ({
    image: { repository: service },
    migration: { repository: `${service}-migrate`, revert: reverts ? "allowed" : "never", timeoutMinutes: 5 },
    source: { location: "https://github.com/example/spillway.git" },
    build: { buildspec: `${buildspecs}/build-image.yml` },
    stages: {
      "static-analysis": { buildspec: `${buildspecs}/static-analysis.yml` },
      "integration-tests": { buildspec: `${buildspecs}/integration-tests.yml`, needs: "image" },
      ...(verifies ? { "end-to-end": { buildspec: `${buildspecs}/end-to-end.yml` } } : {}),
    },
    tracks: [["static-analysis"], ["integration-tests"]],
    environments: {
      staging: environment(service, "staging"),
      production: environment(service, "production"),
    },
    waves: waves === "two" ? [["staging"], ["production"]] : [["staging", "production"]],
  });
  return { services: Object.fromEntries(services.map((service) => [service, serviceOf(service)])) };
}

type Demands = Pick<ServiceInput["environments"][string], "approval" | "freezes" | "bake">;

/** People have an hour: they are asked again for another attempt, and the world has to end. */
function demandsOf({ approvals, freeze, bake }: Rules): Demands {
  return {
    ...(approvals === undefined ? {} : { approval: { count: approvals, expiresAfterHours: 1 } }),
    ...(freeze === undefined
      ? {}
      : {
          freezes: [
            {
              start: new Date(Date.UTC(2026, 0, 1) + freeze.fromMinute * 60_000).toISOString().slice(0, 16),
              duration: `PT${freeze.minutes}M`,
              timeZone: "UTC",
              reason: "as the plan says",
            },
          ],
        }),
    ...(bake === undefined ? {} : { bake: { ...bake, alarms: [...(bake.alarms ?? [])] } }),
  };
}

/** The secret that holds the address of a database. */
export function databaseSecret(service: string, environment: string): string {
  return `${service}/${environment}/database:url`;
}
