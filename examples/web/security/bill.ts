import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** One package of the bill of materials. */
export interface Component {
  /** With its scope: "@types/node". */
  readonly name: string;
  readonly version: string;
}

/** npm could not write the bill, or it is not a CycloneDX document. */
export class BillError extends Error {
  override readonly name = "BillError";
}

/**
 * The CycloneDX bill of all that the lock file names, as npm writes it; development packages are marked as such.
 * They are not left out: with --omit=dev, npm 11 also drops packages that both the service and a tool depend on,
 * and malware in a tool is as bad. Throws BillError.
 */
export async function writeBill(project: string): Promise<string> {
  const words = ["sbom", "--sbom-format=cyclonedx", "--package-lock-only"];
  try {
    const { stdout } = await promisify(execFile)("npm", words, { cwd: project, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    throw new BillError("npm sbom failed; it needs npm 9.5 or later and a package-lock.json.", {
      cause: error,
    });
  }
}

/** The npm packages a CycloneDX document lists. Throws BillError. */
export function readComponents(bill: string): Component[] {
  let document: unknown;
  try {
    document = JSON.parse(bill);
  } catch (error) {
    throw new BillError("The bill of materials is not JSON.", { cause: error });
  }
  if (!isObject(document) || document.bomFormat !== "CycloneDX" || !Array.isArray(document.components)) {
    throw new BillError("The bill of materials is not a CycloneDX document with components.");
  }
  return document.components.map((component: unknown) => {
    if (!isObject(component) || typeof component.name !== "string" || typeof component.version !== "string") {
      throw new BillError("A component of the bill of materials lacks its name or version.");
    }
    const { name, version, group } = component;
    return { name: typeof group === "string" && group !== "" ? `${group}/${name}` : name, version };
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
