import type { ImageStore } from "../../local/ecr/store.ts";
import type { Behaviour, Behaviours } from "./behaviour.ts";
import { imageOf } from "./image.ts";

/** Pushes both images of a commit, the application's last. @returns its digest. */
export type Push = (tag: string, behaviour?: Behaviour, commit?: string, service?: string) => Promise<string>;

/** People, or builds, that push to the registry. */
export function createPushes(images: () => ImageStore, behaviours: Behaviours): Push {
  let sequence = 0;

  async function put(repository: string, tag: string, { blob, manifest }: ReturnType<typeof imageOf>) {
    await images().writeBlob(once(blob));
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    return (await images().putManifest(repository, { text: manifest, mediaType, tag })).digest;
  }

  return async (tag, behaviour = {}, commit = tag, service = "web") => {
    sequence++;
    const { after = "0001", history = [after], readableFrom = after } = behaviour.migration ?? {};
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
    await put(`${service}-migrate`, tag, migration);
    return put(service, tag, application);
  };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
