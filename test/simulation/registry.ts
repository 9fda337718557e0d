import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import { clientOf } from "../../aws/clients.ts";
import type { Connection } from "../../aws/connection.ts";
import type { ImageStore } from "../../local/ecr/store.ts";
import type { Gateway } from "../../local/gateway.ts";
import type { imageOf } from "./image.ts";

/** The registry as who pushes and pulls sees it. */
export interface Registry {
  /** @returns the digest. @throws Error with the registry's words. */
  push(repository: string, tag: string, image: ReturnType<typeof imageOf>): Promise<void>;
  /** Fetches a manifest and its configuration. @param image `REGISTRY/REPOSITORY@sha256:…` */
  pull(image: string): Promise<void>;
}

/** The registry as a person fills it, past its door: that is quicker, and nobody asks what a person may. */
export function pastTheDoor(images: () => ImageStore): Pick<Registry, "push"> {
  return {
    async push(repository, tag, { blob, manifest }) {
      await images().writeBlob(once(blob));
      const { mediaType } = JSON.parse(manifest);
      await images().putManifest(repository, { text: manifest, mediaType, tag });
    },
  };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

/** Logs in with the connection's own credentials, and speaks the registry's protocol. */
export async function logIn(gateway: Gateway, { client }: Connection): Promise<Registry> {
  const { authorizationData = [] } = await clientOf(ECRClient, client).send(
    new GetAuthorizationTokenCommand({}),
  );
  const authorization = `Basic ${authorizationData[0]?.authorizationToken}`;

  async function ask(method: string, path: string, text = "", type = "application/octet-stream") {
    const [pathname = "", query = ""] = path.split("?");
    const answer = await gateway.handle({
      method,
      path: pathname,
      query: Object.fromEntries(new URLSearchParams(query)),
      headers: { authorization, "content-type": type },
      body: new TextEncoder().encode(text),
    });
    const body = new TextDecoder().decode(answer.body);
    if (answer.status >= 400 && method !== "HEAD")
      throw new Error(`${method} ${pathname} was answered with ${answer.status}: ${body}`);
    return { ...answer, text: body };
  }

  return {
    async push(repository, tag, { blob, manifest }) {
      const { config, mediaType } = JSON.parse(manifest);
      const known = await ask("HEAD", `/v2/${repository}/blobs/${config.digest}`);
      if (known.status === 403) throw new Error(`the registry refused ${repository}`);
      if (known.status !== 200) {
        const upload = await ask("POST", `/v2/${repository}/blobs/uploads/`);
        const { pathname } = new URL(upload.headers.location ?? "", "http://local");
        await ask("PATCH", pathname, blob);
        await ask("PUT", `${pathname}?digest=${config.digest}`);
      }
      await ask("PUT", `/v2/${repository}/manifests/${tag}`, manifest, mediaType);
    },
    async pull(image) {
      const [, repository, digest] = /^[^/]+\/(.+)@(sha256:.+)$/.exec(image) ?? [];
      const manifest = await ask("GET", `/v2/${repository}/manifests/${digest}`);
      const { config } = JSON.parse(manifest.text);
      await ask("HEAD", `/v2/${repository}/blobs/${config.digest}`);
      await ask("GET", `/v2/${repository}/blobs/${config.digest}`);
    },
  };
}
