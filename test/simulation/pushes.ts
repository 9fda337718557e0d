import { type Clock, sleep } from "../../local/asl/index.ts";
import type { Behaviour, Behaviours } from "./behaviour.ts";
import { imageOf } from "./image.ts";
import type { Registry } from "./registry.ts";

/** Pushes both images of a commit, the application's last unless its behaviour says otherwise. @returns its digest. */
export type Push = (tag: string, behaviour?: Behaviour, commit?: string, service?: string) => Promise<string>;

/** People and builds that push, each to the registry as it is open to them; later pushes are newer, whoever pushes. */
export function createPushes(
  clock: Clock,
  behaviours: Behaviours,
): (registry: Pick<Registry, "push">) => Push {
  let sequence = 0;

  return (registry) =>
    async (tag, behaviour = {}, commit = tag, service = "web") => {
      sequence++;
      const { after = "0001", history = [after], readableFrom = after } = behaviour.migration ?? {};
      const { pushedAfterSeconds } = behaviour.migration ?? {};
      const migration = imageOf({
        tag,
        "dev.spillway.schema.history": history.join(","),
        "dev.spillway.schema.readable-from": readableFrom,
      });
      const application = imageOf({
        "org.opencontainers.image.revision": commit,
        "dev.spillway.sequence": String(behaviour.sequence ?? sequence),
        "dev.spillway.schema": after,
        ...(behaviour.author === undefined ? {} : { "dev.spillway.author": behaviour.author }),
      });
      // Known before the push is told of: the release starts at once.
      behaviours.setImage(migration.digest, { tag, behaviour });
      behaviours.setImage(application.digest, { tag, behaviour });
      if (pushedAfterSeconds === undefined) await registry.push(`${service}-migrate`, tag, migration);
      await registry.push(service, tag, application);
      if (pushedAfterSeconds !== undefined)
        void sleep(clock, pushedAfterSeconds * 1000).then(() =>
          registry.push(`${service}-migrate`, tag, migration),
        );
      return application.digest;
    };
}
