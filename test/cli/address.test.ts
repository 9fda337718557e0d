import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findInstallation, keepAddress, NoInstallationError } from "../../cli/address.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-address-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const running = { url: "http://127.0.0.1:4566", region: "us-east-1", prefix: "mine" };

describe("the installation that a command is about", () => {
  it("is the one that runs in the folder, whatever the environment says", async () => {
    await keepAddress(folder, running);
    const { prefix, connection } = await findInstallation(folder, "spillway", { AWS_REGION: "eu-west-1" });
    expect(prefix).toBe("mine");
    expect(connection.client).toMatchObject({ endpoint: running.url, region: running.region });
  });

  it("is the one in AWS when none runs here", async () => {
    const forget = await keepAddress(folder, running);
    await forget();
    const { prefix, connection } = await findInstallation(folder, "spillway", { AWS_REGION: "eu-west-1" });
    expect(prefix).toBe("spillway");
    expect(connection.client.endpoint).toBeUndefined();
  });

  it("is missing when neither is there, and says what to do", async () => {
    await expect(findInstallation(folder, "spillway", {})).rejects.toThrow(NoInstallationError);
    await expect(findInstallation(folder, "spillway", {})).rejects.toThrow("npm start");
  });

  it("is not one of a file that was half written", async () => {
    await writeFile(join(folder, "address.json"), '{"url":');
    await expect(findInstallation(folder, "spillway", {})).rejects.toThrow(NoInstallationError);
  });
});
