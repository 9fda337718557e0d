import type { Config, ServiceConfig } from "../core/config.ts";

/**
 * The config as an SST stage has it. Repositories and services of App Runner are what a config names as AWS does, so
 * two stages in one account would push and deploy to the same ones: in every stage but production the repository `web`
 * is `spillway-dev/web`, and services are the stage's own.
 * @param folder what the names are put under; undefined leaves them.
 */
export function inStage(config: Config, folder: string | undefined): Config {
  if (folder === undefined) return config;
  const under = (repository: string) => `${folder}/${repository}`;
  return {
    ...config,
    services: Object.fromEntries(
      Object.entries(config.services).map(([name, service]) => [
        name,
        {
          ...service,
          environments: withOwnTargets(service.environments),
          image: { ...service.image, repository: under(service.image.repository) },
          migration: service.migration && {
            ...service.migration,
            repository: under(service.migration.repository),
          },
        },
      ]),
    ),
  };
}

function withOwnTargets(environments: ServiceConfig["environments"]): ServiceConfig["environments"] {
  return Object.fromEntries(
    Object.entries(environments).map(([name, environment]) => {
      const { name: _, ...target } = environment.target;
      return [name, { ...environment, target }];
    }),
  );
}
