import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fetchImage, type Image, type RegistryAccess } from "./image.ts";

/** What the tests start: the files of an image, or those of this checkout. */
export interface UnderTest {
  readonly service: Image;
  readonly migration: Image;
  /** What the service says its commit is. */
  readonly commit: string;
}

const checkout = join(import.meta.dirname, "../..");
const CHECKOUT_COMMIT = "3f2a91c";

/**
 * Fetches the images that SPILLWAY_IMAGE and SPILLWAY_MIGRATION_IMAGE name by digest. Without them the files of the
 * checkout are tested, but never in a build: what it lets through is an image. Says which it is.
 */
export async function provideUnderTest(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<UnderTest & { readonly folder: string | undefined }> {
  const {
    SPILLWAY_IMAGE: service,
    SPILLWAY_MIGRATION_IMAGE: migration,
    CODEBUILD_BUILD_ID: build,
  } = environment;
  if (!service && !migration && !build) {
    console.log("Testing the files of this checkout; in a build, SPILLWAY_IMAGE names the image to test.");
    const own = { folder: checkout, environment: { SPILLWAY_COMMIT: CHECKOUT_COMMIT }, labels: {} };
    return {
      service: { ...own, entrypoint: ["node", "src/main.ts"] },
      migration: { ...own, entrypoint: ["node", "migrate/main.ts"] },
      commit: CHECKOUT_COMMIT,
      folder: undefined,
    };
  }
  if (!service || !migration) {
    throw new Error(
      'SPILLWAY_IMAGE and SPILLWAY_MIGRATION_IMAGE must both be set: this stage tests images. Does the config say needs: "image" for it?',
    );
  }
  const access = await readAccess(environment);
  const folder = await mkdtemp(join(tmpdir(), "web-images-"));
  const [serviceImage, migrationImage] = await Promise.all([
    fetchImage(service, join(folder, "service"), access),
    fetchImage(migration, join(folder, "migration"), access),
  ]);
  console.log(`Testing the files of ${service}`);
  console.log(`    migrated by those of ${migration}`);
  console.log(`    on Node ${process.version} of this build, not on the operating system of the image`);
  const commit = serviceImage.labels["org.opencontainers.image.revision"] ?? "unknown";
  return { service: serviceImage, migration: migrationImage, commit, folder };
}

/** A local AWS stands for every registry, and gives its token to whoever asks on this machine. */
async function readAccess({
  SPILLWAY_REGISTRY_TOKEN: token,
  AWS_ENDPOINT_URL: endpoint,
}: Readonly<Record<string, string | undefined>>): Promise<RegistryAccess> {
  if (token || !endpoint) return { token: token || undefined, endpoint: endpoint || undefined };
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    },
    body: "{}",
  });
  const { authorizationData }: { authorizationData?: { authorizationToken: string }[] } = JSON.parse(
    await answer.text(),
  );
  const login = Buffer.from(authorizationData?.[0]?.authorizationToken ?? "", "base64").toString();
  return { token: login.slice(login.indexOf(":") + 1), endpoint };
}

/** Hands on from the program that started the tests to the tests. */
export const UNDER_TEST = "WEB_UNDER_TEST";

/** What `run.ts` provided. Throws if the tests were not started by it. */
export function readUnderTest(): UnderTest {
  const text = process.env[UNDER_TEST];
  if (text === undefined) throw new Error("Start these tests with npm run test:integration.");
  return JSON.parse(text);
}

/** Loads a module of the files under test. */
export function load<Module>({ folder }: Image, path: string): Promise<Module> {
  return import(pathToFileURL(join(folder, path)).href);
}
