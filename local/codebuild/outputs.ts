import { join } from "node:path";
import { type ArtifactTarget, type KeptArtifacts, keepArtifacts, type NamedArtifacts } from "./artifacts.ts";
import type { Buildspec, ReportFiles } from "./buildspec.ts";
import { isInside, matchingFiles } from "./file-patterns.ts";
import { type ReportContent, readReport, reportType } from "./reports/read.ts";
import type { BuildReport } from "./reports/store.ts";

type Note = (text: string) => void;

/**
 * Reads the reports that a buildspec names. One that is not there or cannot be read is kept as one without content,
 * and the build goes on.
 */
export async function readNamedReports(
  source: string,
  reports: Buildspec["reports"],
  note: Note,
): Promise<BuildReport[]> {
  const read: BuildReport[] = [];
  for (const [group, files] of Object.entries(reports)) {
    const type = reportType(files.format);
    note(`Preparing to copy ${type} report ${group}`);
    const content = await readFiles(source, files, note);
    read.push({ group, type, content });
  }
  return read;
}

async function readFiles(source: string, files: ReportFiles, note: Note): Promise<ReportContent | undefined> {
  const folder = join(source, files.folder);
  const paths = new Set<string>();
  if (await isInside(source, folder)) {
    for (const pattern of files.patterns)
      for await (const path of matchingFiles(folder, pattern)) paths.add(path);
  }
  note(`Found ${paths.size} file(s)`);
  if (paths.size === 0) {
    note(`The report is incomplete: no file of ${files.folder} matches ${files.patterns.join(", ")}`);
    return undefined;
  }
  try {
    return await readReport(files.format, folder, [...paths].sort());
  } catch (error) {
    note(
      `The report is incomplete: not ${files.format}: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}

/** Keeps the artifacts that a buildspec names where the project wants them. @throws ArtifactsError */
export async function keepNamedArtifacts(
  source: string,
  spec: Pick<Buildspec, "artifacts" | "secondaryArtifacts">,
  targets: readonly ArtifactTarget[],
  { buckets, note }: { readonly buckets: string; readonly note: Note },
): Promise<KeptArtifacts[]> {
  const kept: KeptArtifacts[] = [];
  const keep = async (what: string, files: NamedArtifacts, target: ArtifactTarget | undefined) => {
    if (target === undefined) return note(`The project has no place for ${what}; they are not kept`);
    const {
      identifier,
      location,
      files: count,
      folder,
    } = await keepArtifacts(source, files, target, buckets);
    note(`Kept ${count} files of ${what} at ${location}, which is the folder ${folder}`);
    kept.push({ identifier, location });
  };
  const targetOf = (wanted: string | undefined) => targets.find(({ identifier }) => identifier === wanted);
  if (spec.artifacts !== undefined && spec.artifacts.patterns.length > 0)
    await keep("artifacts", spec.artifacts, targetOf(undefined));
  for (const [identifier, files] of Object.entries(spec.secondaryArtifacts))
    await keep(`the secondary artifacts ${identifier}`, files, targetOf(identifier));
  return kept;
}
