// A reporter of Node's test runner: the coverage as Cobertura XML, one of the formats that CodeBuild reads.
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";

const quote = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const rate = (covered: number, total: number) => (total === 0 ? 1 : covered / total).toFixed(4);

/** Yields the document when the coverage is known, at the end of the run. */
export default async function* cobertura(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== "test:coverage") continue;
    const { files, totals, workingDirectory } = event.data.summary;
    const classes = files.map((file) => {
      const name = quote(relative(workingDirectory, file.path));
      const lines = file.lines.map(({ line, count }) => {
        const branches = file.branches.filter((branch) => branch.line === line);
        const taken = branches.filter((branch) => branch.count > 0).length;
        const percent = Math.round((100 * taken) / branches.length);
        const condition =
          branches.length === 0
            ? ""
            : ` branch="true" condition-coverage="${percent}% (${taken}/${branches.length})"`;
        return `<line number="${line}" hits="${count}"${condition}/>`;
      });
      const rates = `line-rate="${rate(file.coveredLineCount, file.totalLineCount)}" branch-rate="${rate(file.coveredBranchCount, file.totalBranchCount)}"`;
      return `<class name="${name}" filename="${name}" ${rates} complexity="0"><methods/><lines>${lines.join("")}</lines></class>`;
    });
    const rates = `line-rate="${rate(totals.coveredLineCount, totals.totalLineCount)}" branch-rate="${rate(totals.coveredBranchCount, totals.totalBranchCount)}"`;
    const counts = `lines-covered="${totals.coveredLineCount}" lines-valid="${totals.totalLineCount}" branches-covered="${totals.coveredBranchCount}" branches-valid="${totals.totalBranchCount}"`;
    yield `<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage ${rates} ${counts} complexity="0" version="1" timestamp="${Date.now()}">
<sources><source>${quote(workingDirectory)}</source></sources>
<packages><package name="web" ${rates} complexity="0"><classes>
${classes.join("\n")}
</classes></package></packages>
</coverage>
`;
  }
}
