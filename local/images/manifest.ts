import { createHash } from "node:crypto";
import type { StageConfig } from "./image-config.ts";
import type { ImageLayer } from "./layer.ts";

/** An image in the OCI layout, ready to be pushed. */
export interface BuiltImage {
  /** Of the manifest: `sha256:…`. The same context, Dockerfile and options give the same digest. */
  readonly digest: string;
  readonly manifest: Uint8Array;
  readonly manifestMediaType: "application/vnd.oci.image.manifest.v1+json";
  readonly config: Uint8Array;
  readonly configDigest: string;
  readonly configMediaType: "application/vnd.oci.image.config.v1+json";
  readonly layers: readonly ImageLayer[];
}

/** One instruction as the image remembers it. */
export interface HistoryEntry {
  readonly created: string;
  readonly created_by: string;
  readonly empty_layer?: true;
}

/** Puts the parts of a built stage together. `created` is an ISO time; `labels` win over those of the stage. */
export function assembleImage(stage: {
  readonly config: StageConfig;
  readonly layers: readonly ImageLayer[];
  readonly history: readonly HistoryEntry[];
  readonly baseImage: string;
  readonly platform: string;
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
}): BuiltImage {
  const [os = "linux", architecture = "amd64"] = stage.platform.split("/");
  const annotations = describeBase(stage.baseImage);
  const labels = { ...Object.fromEntries(stage.config.labels), ...annotations, ...stage.labels };
  const config = toBytes({
    created: stage.created,
    architecture,
    os,
    config: describeConfig(stage.config, labels),
    rootfs: { type: "layers", diff_ids: stage.layers.map(({ diffId }) => diffId) },
    history: stage.history,
  });
  const configMediaType = "application/vnd.oci.image.config.v1+json";
  const manifestMediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = toBytes({
    schemaVersion: 2,
    mediaType: manifestMediaType,
    config: { mediaType: configMediaType, digest: digestOf(config), size: config.length },
    layers: stage.layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    annotations,
  });
  return {
    digest: digestOf(manifest),
    manifest,
    manifestMediaType,
    config,
    configDigest: digestOf(config),
    configMediaType,
    layers: stage.layers,
  };
}

function describeBase(baseImage: string): Record<string, string> {
  const [name = "", digest] = baseImage.split("@");
  return {
    "org.opencontainers.image.base.name": name,
    ...(digest === undefined ? {} : { "org.opencontainers.image.base.digest": digest }),
    // Whoever pulls this image must not take it for one that brings its own operating system.
    "dev.spillway.base": "not included",
  };
}

/** As the image specification names things; JSON leaves out what is undefined. */
function describeConfig(config: StageConfig, labels: Readonly<Record<string, string>>): object {
  const ports = [...config.exposedPorts].map((port) => [port, {}]);
  return {
    User: config.user || undefined,
    ExposedPorts: ports.length === 0 ? undefined : Object.fromEntries(ports),
    Env: [...config.environment].map(([name, value]) => `${name}=${value}`),
    Entrypoint: config.entrypoint,
    Cmd: config.command,
    WorkingDir: config.workingFolder,
    Labels: Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))),
    Healthcheck: config.healthcheck,
    StopSignal: config.stopSignal,
  };
}

function toBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
