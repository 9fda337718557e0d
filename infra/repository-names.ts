import type { Config } from "../core/config.ts";

/**
 * The config as an SST stage has it. Repositories are the only things that a config names as AWS does, so two stages
 * in one account would push to the same ones: `web` becomes `spillway-dev/web` in every stage but production.
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
