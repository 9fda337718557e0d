import { createHash } from "node:crypto";

/** The smallest image there can be: no layers, only labels. */
export function imageOf(labels: Readonly<Record<string, string>>): {
  blob: string;
  manifest: string;
  digest: string;
} {
  const blob = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Labels: labels },
    rootfs: { type: "layers", diff_ids: [] },
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf(blob),
      size: blob.length,
    },
    layers: [],
  });
  return { blob, manifest, digest: digestOf(manifest) };
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
