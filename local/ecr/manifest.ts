import { AwsError } from "../service.ts";

/** The parts of an OCI or Docker manifest that a registry looks at. */
export interface ImageManifest {
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}
export interface ImageIndex {
  readonly mediaType?: string;
  readonly manifests: readonly (Descriptor & {
    readonly platform?: { readonly os: string; readonly architecture: string };
  })[];
}
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Media types that a registry keeps: OCI and Docker schema 2, image and index. */
export const mediaTypes = {
  manifests: [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
  ],
  indexes: [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
  ],
} as const;

/** @throws AwsError InvalidParameterException if the text is no manifest; manifests come from strangers. */
export function readManifest(text: string): ImageManifest | ImageIndex {
  const value = parse(text);
  if (isRecord(value) && Array.isArray(value.manifests) && value.manifests.every(isDescriptor))
    return { manifests: value.manifests };
  if (
    isRecord(value) &&
    isDescriptor(value.config) &&
    Array.isArray(value.layers) &&
    value.layers.every(isDescriptor)
  )
    return { config: value.config, layers: value.layers };
  throw new AwsError(
    "InvalidParameterException",
    "The manifest is neither an image (config and layers) nor an index (manifests).",
  );
}

export function isIndex(manifest: ImageManifest | ImageIndex): manifest is ImageIndex {
  return "manifests" in manifest;
}

/** The digests that a manifest needs to be whole. */
export function references(manifest: ImageManifest | ImageIndex): string[] {
  if (isIndex(manifest)) return manifest.manifests.map(({ digest }) => digest);
  return [manifest.config.digest, ...manifest.layers.map(({ digest }) => digest)];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isDescriptor(value: unknown): value is Descriptor {
  return (
    isRecord(value) &&
    typeof value.mediaType === "string" &&
    typeof value.size === "number" &&
    typeof value.digest === "string" &&
    /^sha256:[0-9a-f]{64}$/.test(value.digest)
  );
}
