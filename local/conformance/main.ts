import { isClean, judgeFolder, renderReport } from "./report.ts";

// npm run conformance -- DIR: replays recordings of the real AWS and says where this one differs.
const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error(
    "Usage: npm run conformance -- DIR, where DIR holds recordings of AWS (stepfunctions.jsonl, …).",
  );
  process.exitCode = 2;
} else {
  try {
    const reports = await judgeFolder(folder);
    console.log(renderReport(reports));
    process.exitCode = isClean(reports) ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  }
}
