import type { Door } from "../gateway.ts";
import { AwsError } from "../service.ts";
import type { ImageStore } from "./store.ts";

const path = /^\/ecr-layers\/(sha256:[0-9a-f]{64})$/;
/** Configurations are small; a layer is fetched through the registry. */
const largestBytes = 4 * 1024 * 1024;

/** Serves what GetDownloadUrlForLayer points to. In AWS this is a signed S3 URL. */
export function createLayerDoor(images: ImageStore): Door {
  return {
    accepts: (request) => request.method === "GET" && path.test(request.path),
    async handle(request) {
      const digest = path.exec(request.path)?.[1] ?? "";
      const size = await images.blobSize(digest);
      if (size === undefined)
        throw new AwsError("LayersNotFoundException", `There is no layer ${digest}.`, { status: 404 });
      if (size > largestBytes)
        throw new AwsError(
          "InvalidLayerException",
          "Pull layers through the registry (/v2/); this door serves image configurations.",
        );
      return {
        status: 200,
        headers: { "content-type": "application/octet-stream" },
        body: await images.readBlob(digest),
      };
    },
  };
}
