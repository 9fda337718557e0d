import { type PushableImage, pushImage } from "../../images/push.ts";
import { credentialsOf } from "./login.ts";
import { type ImageReference, isEcr } from "./reference.ts";
import { RefusalError } from "./refusal.ts";
import type { Surroundings } from "./surroundings.ts";

/** Pushes an image to the local ECR and says so as Docker does. @throws RefusalError for any other registry. */
export async function pushAs(
  image: PushableImage,
  { registry, repository, tag }: ImageReference,
  around: Surroundings,
): Promise<{ readonly pushedName: string }> {
  if (registry === undefined || !isEcr(registry, around.endpoint))
    throw new RefusalError(
      `docker push ${registry ?? repository}: only ACCOUNT.dkr.ecr.REGION.amazonaws.com is served here; tag the image for it.`,
    );
  const credentials = await credentialsOf(registry, around);
  around.print(`The push refers to repository [${registry}/${repository}]`);
  const { sentBytes } = await pushImage(around.clock, image, {
    registry: around.endpoint.origin,
    repository,
    tag,
    credentials,
  });
  around.print(`${image.layers.length} layers, ${(sentBytes / 1e6).toFixed(1)} MB sent`);
  around.print(`${tag}: digest: ${image.digest} size: ${image.manifest.length}`);
  return { pushedName: `${registry}/${repository}@${image.digest}` };
}
