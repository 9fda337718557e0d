import {
  BatchGetReportGroupsCommand,
  BatchGetReportsCommand,
  CreateReportGroupCommand,
  DeleteReportCommand,
  DeleteReportGroupCommand,
  DescribeCodeCoveragesCommand,
  DescribeTestCasesCommand,
  ListReportGroupsCommand,
  ListReportsCommand,
  ListReportsForReportGroupCommand,
  type Report,
  ResourceNotFoundException,
  UpdateReportGroupCommand,
} from "@aws-sdk/client-codebuild";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportFormats } from "../../../local/codebuild/reports/read.ts";
import { type EndedBuild, spec, startBuilds, writeFiles } from "./laptop-builds.ts";

let builds: Awaited<ReturnType<typeof startBuilds>>;
beforeAll(async () => {
  builds = await startBuilds({});
});
afterAll(() => builds.stop());

/** Runs a build whose one report consists of the files. */
async function report(
  files: Readonly<Record<string, string>>,
  format?: string,
  group = "tests",
): Promise<{ build: EndedBuild; report: Report }> {
  await writeFiles(`${builds.folder}/given`, files);
  const build = await builds.build(
    spec(
      { build: [`cp -r ${builds.folder}/given/. reported`] },
      {
        reports: {
          [group]: {
            "base-directory": "reported",
            files: Object.keys(files),
            ...(format && { "file-format": format }),
          },
        },
      },
    ),
    { sourceTypeOverride: "NO_SOURCE" },
  );
  const [reportArn = ""] = build.reportArns ?? [];
  const { reports } = await builds.client.send(new BatchGetReportsCommand({ reportArns: [reportArn] }));
  return { build, report: reports?.[0] ?? {} };
}

async function testsOf({ arn: reportArn }: Report) {
  const { testCases = [] } = await builds.client.send(new DescribeTestCasesCommand({ reportArn }));
  return testCases.map(({ prefix, name, status, durationInNanoSeconds, message }) => [
    prefix,
    name,
    status,
    (durationInNanoSeconds ?? 0) / 1e9,
    message,
  ]);
}

async function coveragesOf({ arn: reportArn }: Report) {
  const { codeCoverages = [] } = await builds.client.send(
    new DescribeCodeCoveragesCommand({ reportArn, sortBy: "FILE_PATH", sortOrder: "ASCENDING" }),
  );
  return codeCoverages.map((file) => [
    file.filePath,
    file.linesCovered,
    file.linesMissed,
    file.branchesCovered,
    file.branchesMissed,
  ]);
}

const JUNIT = `<?xml version="1.0" encoding="utf-8"?>
<testsuites>
  <testsuite name="orders">
    <testcase name="are kept" classname="Orders" time="0.5"/>
    <testsuite name="deep">
      <testcase name="fails" time="1,000.25"><failure message="expected 1" type="x"><![CDATA[at <line 3>]]></failure></testcase>
      <testcase name="breaks"><error>boom &amp; gone</error></testcase>
      <testcase name="waits"><skipped message="later"/></testcase>
    </testsuite>
  </testsuite>
</testsuites>`;

describe("a report of tests", () => {
  it("belongs to the build and to a group named after project and buildspec", async () => {
    const { build, report: found } = await report({ "junit.xml": JUNIT });
    expect(build.buildStatus).toBe("SUCCEEDED");
    expect(build.reportArns).toEqual([found.arn]);
    expect(found).toMatchObject({
      arn: expect.stringMatching(/^arn:aws:codebuild:us-east-1:\d{12}:report\/web-tests:[0-9a-f-]{36}$/),
      name: "web-tests",
      type: "TEST",
      status: "FAILED",
      executionId: build.arn,
      truncated: false,
      testSummary: {
        total: 4,
        statusCounts: { SUCCEEDED: 1, FAILED: 1, ERROR: 1, SKIPPED: 1, UNKNOWN: 0 },
        durationInNanoSeconds: 1_000.75e9,
      },
    });
    // Times travel as fractions of seconds, so the last millisecond is not to be relied on.
    expect(Math.round((Number(found.expired) - Number(found.created)) / 1000) * 1000).toBe(
      30 * 24 * 3600_000,
    );
    expect(await testsOf(found)).toEqual([
      ["Orders", "are kept", "SUCCEEDED", 0.5, ""],
      ["deep", "fails", "FAILED", 1000.25, "expected 1\nat <line 3>"],
      ["deep", "breaks", "ERROR", 0, "boom & gone"],
      ["deep", "waits", "SKIPPED", 0, "later"],
    ]);
    const { reportGroups } = await builds.client.send(
      new BatchGetReportGroupsCommand({ reportGroupArns: [found.reportGroupArn ?? ""] }),
    );
    expect(reportGroups).toMatchObject([{ name: "web-tests", type: "TEST", status: "ACTIVE" }]);
  });

  it.each([
    [
      "NUNITXML",
      `<test-results><test-suite name="s"><results><test-case name="A.B.passes" result="Success" time="0.1"/>
       <test-case name="A.B.fails" result="Failure" time="0.2"><failure><message>no</message><stack-trace>at B</stack-trace></failure></test-case></results></test-suite></test-results>`,
      [
        ["A.B", "A.B.passes", "SUCCEEDED", 0.1, ""],
        ["A.B", "A.B.fails", "FAILED", 0.2, "no\nat B"],
      ],
    ],
    [
      "NUNIT3XML",
      `<test-run><test-suite><test-case name="passes" classname="A.B" result="Passed" duration="0.1"/>
       <test-case name="breaks" classname="A.B" result="Failed" label="Error" duration="0.2"><failure><message>no</message></failure></test-case>
       <test-case name="waits" classname="A.B" result="Skipped"><reason><message>later</message></reason></test-case></test-suite></test-run>`,
      [
        ["A.B", "passes", "SUCCEEDED", 0.1, ""],
        ["A.B", "breaks", "ERROR", 0.2, "no"],
        ["A.B", "waits", "SKIPPED", 0, "later"],
      ],
    ],
    [
      "TESTNGXML",
      `<testng-results><suite name="s"><test><class name="a.B"><test-method name="prepare" is-config="true" status="PASS"/>
       <test-method name="passes" status="PASS" duration-ms="100"/>
       <test-method name="fails" status="FAIL" duration-ms="200"><exception><message><![CDATA[no]]></message></exception></test-method></class></test></suite></testng-results>`,
      [
        ["a.B", "passes", "SUCCEEDED", 0.1, ""],
        ["a.B", "fails", "FAILED", 0.2, "no"],
      ],
    ],
    [
      "visualStudioTrx",
      `<TestRun><Results><UnitTestResult testName="A.passes" outcome="Passed" duration="00:01:00.5000000"/>
       <UnitTestResult testName="A.fails" outcome="Failed"><Output><ErrorInfo><Message>no</Message><StackTrace>at A</StackTrace></ErrorInfo></Output></UnitTestResult>
       <UnitTestResult testName="A.waits" outcome="NotExecuted"/></Results></TestRun>`,
      [
        ["A", "A.passes", "SUCCEEDED", 60.5, ""],
        ["A", "A.fails", "FAILED", 0, "no\nat A"],
        ["A", "A.waits", "SKIPPED", 0, ""],
      ],
    ],
    [
      "CUCUMBERJSON",
      JSON.stringify([
        {
          name: "Orders",
          elements: [
            { type: "background", steps: [{ result: { status: "failed" } }] },
            { type: "scenario", name: "are kept", steps: [{ result: { status: "passed", duration: 5e8 } }] },
            {
              type: "scenario",
              name: "are paid",
              steps: [
                { result: { status: "failed", error_message: "no" } },
                { result: { status: "skipped" } },
              ],
            },
          ],
        },
      ]),
      [
        ["Orders", "are kept", "SUCCEEDED", 0.5, ""],
        ["Orders", "are paid", "FAILED", 0, "no"],
      ],
    ],
  ])("is read from %s", async (format, text, tests) => {
    const { report: found } = await report({ "report.txt": text }, format);
    expect(await testsOf(found)).toEqual(tests);
    expect(found.status).toBe("FAILED");
  });

  it("is described page by page, and by status and word", async () => {
    const cases = Array.from({ length: 501 }, (_, n) => `<testcase name="test ${n}"/>`);
    const { report: found } = await report({
      "many.xml": `<testsuite name="many">${cases.join("")}</testsuite>`,
    });
    expect(found).toMatchObject({ status: "SUCCEEDED", truncated: true, testSummary: { total: 501 } });
    const sizes: (number | undefined)[] = [];
    let nextToken: string | undefined;
    do {
      const page = await builds.client.send(
        new DescribeTestCasesCommand({ reportArn: found.arn, nextToken }),
      );
      sizes.push(page.testCases?.length);
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(sizes).toEqual([100, 100, 100, 100, 100]);
    const { testCases } = await builds.client.send(
      new DescribeTestCasesCommand({
        reportArn: found.arn,
        filter: { status: "SUCCEEDED", keyword: "test 49" },
      }),
    );
    expect(testCases).toHaveLength(11);
  });

  it("never holds a secret of the build", async () => {
    const build = await builds.build(
      spec(
        {
          build: [
            `mkdir out; printf '<testsuite name="s"><testcase name="t"><failure>got %s</failure></testcase></testsuite>' "$PLANTED" > out/junit.xml`,
          ],
        },
        { reports: { planted: { files: ["out/*"] } } },
      ),
      {
        sourceTypeOverride: "NO_SOURCE",
        environmentVariablesOverride: [{ name: "PLANTED", type: "SECRETS_MANAGER", value: await secret() }],
      },
    );
    expect(await testsOf({ arn: build.reportArns?.[0] })).toMatchObject([["s", "t", "FAILED", 0, "got ***"]]);
  });
});

async function secret(): Promise<string> {
  const answer = await fetch(builds.laptop.url, {
    method: "POST",
    headers: {
      "x-amz-target": "secretsmanager.CreateSecret",
      "content-type": "application/x-amz-json-1.1",
      authorization: "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/secretsmanager/aws4_request",
    },
    body: JSON.stringify({
      Name: "planted",
      SecretString: "s3cr3t-value",
      ClientRequestToken: "a".repeat(32),
    }),
  });
  expect(answer.status).toBe(200);
  return "planted";
}

describe("a report of coverage", () => {
  it.each([
    [
      "CLOVERXML",
      `<coverage><project><package><file name="a.ts" path="src/a.ts"><metrics statements="4" coveredstatements="3" conditionals="2" coveredconditionals="1"/></file></package></project></coverage>`,
      [["src/a.ts", 3, 1, 1, 1]],
    ],
    [
      "COBERTURAXML",
      `<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
       <coverage><packages><package><classes>
       <class name="A" filename="src/a.ts"><methods><method><lines><line number="1" hits="1"/></lines></method></methods>
         <lines><line number="1" hits="1"/><line number="2" hits="0" branch="true" condition-coverage="50% (1/2)"/></lines></class>
       <class name="B" filename="src/a.ts"><lines><line number="1" hits="0"/><line number="3" hits="9"/></lines></class>
       </classes></package></packages></coverage>`,
      [["src/a.ts", 2, 1, 1, 1]],
    ],
    [
      "JACOCOXML",
      `<report><package name="com/web"><class><counter type="LINE" missed="9" covered="9"/></class>
       <sourcefile name="A.java"><counter type="LINE" missed="1" covered="3"/><counter type="BRANCH" missed="1" covered="1"/></sourcefile></package></report>`,
      [["com/web/A.java", 3, 1, 1, 1]],
    ],
    [
      "SIMPLECOV",
      JSON.stringify({
        RSpec: {
          coverage: {
            "/a.rb": {
              lines: [1, null, 0, 2, 3],
              branches: { "[:if, 0]": { "[:then, 1]": 1, "[:else, 2]": 0 } },
            },
            "/b.rb": [1, 0],
          },
        },
      }),
      [
        ["/a.rb", 3, 1, 1, 1],
        ["/b.rb", 1, 1, 0, 0],
      ],
    ],
  ])("is read from %s", async (format, text, files) => {
    const { report: found } = await report({ coverage: text }, format, `coverage ${format}`);
    expect(found).toMatchObject({
      name: `web-coverage_${format}`,
      type: "CODE_COVERAGE",
      status: "SUCCEEDED",
    });
    expect(await coveragesOf(found)).toEqual(files);
    const { codeCoverageSummary: all } = found;
    expect(all?.lineCoveragePercentage).toBeCloseTo(
      (100 * (all?.linesCovered ?? 0)) / ((all?.linesCovered ?? 0) + (all?.linesMissed ?? 0)),
      1,
    );
  });
});

describe("a report that cannot be read", () => {
  it.each([
    ["is not there", {}],
    ["is no XML", { "junit.xml": "<testsuite><testcase" }],
    ["is another document", { "junit.xml": "<html/>" }],
    [
      "expands entities",
      {
        "junit.xml": `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite name="&b;"><testcase name="t"/></testsuite>`,
      },
    ],
    [
      "reads other files",
      {
        "junit.xml": `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite><testcase name="t">&a;</testcase></testsuite>`,
      },
    ],
    ["is deeper than any report", { "junit.xml": "<testsuite>".repeat(10_000) }],
    ["is larger than any report", { "junit.xml": `<testsuite>${" ".repeat(33 * 1024 * 1024)}</testsuite>` }],
  ])("is incomplete, and the build goes on: one that %s", async (what, files) => {
    const given = Object.keys(files).length === 0 ? { "other.txt": "x" } : files;
    const asked = what === "is not there" ? "*.xml" : "junit.xml";
    await writeFiles(`${builds.folder}/hostile`, given);
    const build = await builds.build(
      spec(
        { build: [`cp ${builds.folder}/hostile/${Object.keys(given)[0]} .`] },
        { reports: { hostile: { files: [asked] } } },
      ),
      { sourceTypeOverride: "NO_SOURCE" },
    );
    expect(build.buildStatus).toBe("SUCCEEDED");
    const { reports } = await builds.client.send(
      new BatchGetReportsCommand({ reportArns: build.reportArns ?? [] }),
    );
    expect(reports).toMatchObject([{ name: "web-hostile", type: "TEST", status: "INCOMPLETE" }]);
    expect(build.notes).toContainEqual(expect.stringContaining("The report is incomplete"));
  });

  it("does not wait for a pipe or follow a link", async () => {
    const build = await builds.build(
      spec(
        { build: ["mkfifo a.xml", "ln -s /etc/passwd b.xml"] },
        { reports: { pipe: { files: ["a.xml"] }, link: { files: ["b.xml"] } } },
      ),
      { sourceTypeOverride: "NO_SOURCE" },
    );
    const { reports } = await builds.client.send(
      new BatchGetReportsCommand({ reportArns: build.reportArns ?? [] }),
    );
    expect(reports?.map(({ status }) => status)).toEqual(["INCOMPLETE", "INCOMPLETE"]);
  });

  it("is never a fault of the build, whatever it holds", async () => {
    const { readReport } = await import("../../../local/codebuild/reports/read.ts");
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...reportFormats),
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.string().map((text) => `<testsuite>${text}</testsuite>`),
        ),
        async (format, text) => {
          await writeFiles(`${builds.folder}/any`, { report: text });
          await readReport(format, `${builds.folder}/any`, ["report"]).catch((error: unknown) => {
            if (!(error instanceof Error) || error.name !== "ReportFormatError") throw error;
          });
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("report groups", () => {
  it("are made, changed, listed and deleted with their reports", async () => {
    const { client } = builds;
    const created = await client.send(
      new CreateReportGroupCommand({
        name: "shared",
        type: "TEST",
        exportConfig: { exportConfigType: "NO_EXPORT" },
      }),
    );
    const arn = created.reportGroup?.arn ?? "";
    const { report: first } = await report({ "junit.xml": JUNIT }, "JUNITXML", arn);
    const { report: second } = await report({ "junit.xml": JUNIT }, "JUNITXML", arn);
    expect(first).toMatchObject({ name: "shared", reportGroupArn: arn });
    const { reports } = await client.send(new ListReportsForReportGroupCommand({ reportGroupArn: arn }));
    expect(reports).toEqual([second.arn, first.arn]);
    await client.send(new UpdateReportGroupCommand({ arn, tags: [{ key: "team", value: "web" }] }));
    const listed = await client.send(new ListReportGroupsCommand({ sortBy: "NAME" }));
    expect(listed.reportGroups).toContain(arn);
    await client.send(new DeleteReportCommand({ arn: second.arn }));
    const left = await client.send(new ListReportsCommand({ filter: { status: "FAILED" } }));
    expect(left.reports).not.toContain(second.arn);
    await expect(client.send(new DeleteReportGroupCommand({ arn }))).rejects.toThrow(/has 1 reports/);
    await client.send(new DeleteReportGroupCommand({ arn, deleteReports: true }));
    await expect(
      client.send(new ListReportsForReportGroupCommand({ reportGroupArn: arn })),
    ).rejects.toBeInstanceOf(ResourceNotFoundException);
  });

  it("of an ARN that does not exist take no report; the build says so and goes on", async () => {
    const group = "arn:aws:codebuild:us-east-1:000000000000:report-group/nobody";
    const build = await builds.build(spec({ build: ["true"] }, { reports: { [group]: { files: ["*"] } } }), {
      sourceTypeOverride: "NO_SOURCE",
    });
    expect([build.buildStatus, build.reportArns]).toEqual(["SUCCEEDED", []]);
    expect(build.notes).toContainEqual(expect.stringContaining(`There is no report group ${group}`));
  });
});
