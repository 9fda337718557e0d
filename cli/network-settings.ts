import { join } from "node:path";

const names = [
  "npm_config_cache",
  "npm_config_globalconfig",
  "npm_config_registry",
  "npm_config_userconfig",
  "NODE_EXTRA_CA_CERTS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
];

/**
 * How this machine reaches its package registry, for builds that otherwise inherit nothing. npm tells its own
 * settings to the scripts it runs; started otherwise, the user's .npmrc is named.
 */
export function readNetworkSettings(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const found = Object.fromEntries(
    names.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
  return { npm_config_userconfig: join(environment.HOME ?? "/", ".npmrc"), ...found };
}
