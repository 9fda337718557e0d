import { arrayOf, recordOf } from "./json.ts";
import { childNamed, elementsNamed, ReportFormatError, type XmlElement } from "./xml.ts";

export type TestStatus = "SUCCEEDED" | "FAILED" | "ERROR" | "SKIPPED" | "UNKNOWN";

/** One test as a report tells it. */
export interface TestResult {
  /** What its framework groups it by: a class, a feature. */
  readonly prefix: string;
  readonly name: string;
  readonly suite: string;
  readonly status: TestStatus;
  readonly seconds: number;
  readonly message: string;
}

type ReadXml = (root: XmlElement) => Iterable<TestResult>;

/** How CodeBuild's XML formats of tests are read. */
export const xmlTestFormats: Readonly<Record<string, ReadXml>> = {
  JUNITXML: readJunit,
  NUNITXML: readNunit,
  NUNIT3XML: readNunit3,
  TESTNGXML: readTestNg,
  VISUALSTUDIOTRX: readTrx,
};

function* readJunit(element: XmlElement, suite = ""): Generator<TestResult> {
  expectRoot(element, "testsuites", "testsuite");
  const own = element.name === "testsuite" ? (element.attributes.name ?? suite) : suite;
  for (const child of element.children) {
    if (child.name === "testsuite") yield* readJunit(child, own);
    if (child.name === "testcase") yield junitCase(child, own);
  }
}

function junitCase(element: XmlElement, suite: string): TestResult {
  const { name = "", classname = suite, time = "0" } = element.attributes;
  const failure = childNamed(element, "failure");
  const error = childNamed(element, "error");
  const skipped = childNamed(element, "skipped", "ignored");
  const said = failure ?? error ?? skipped;
  const status = failure ? "FAILED" : error ? "ERROR" : skipped ? "SKIPPED" : "SUCCEEDED";
  return {
    prefix: classname,
    name,
    suite,
    status,
    seconds: toNumber(time.replaceAll(",", "")),
    message: joined(said?.attributes.message, said?.text),
  };
}

const NUNIT_STATUS: Readonly<Record<string, TestStatus>> = {
  Success: "SUCCEEDED",
  Passed: "SUCCEEDED",
  Failure: "FAILED",
  Failed: "FAILED",
  Error: "ERROR",
  Ignored: "SKIPPED",
  Skipped: "SKIPPED",
  NotRunnable: "ERROR",
};

function* readNunit(root: XmlElement): Generator<TestResult> {
  expectRoot(root, "test-results");
  yield* nunitCases(root, ({ result = "", time }) => ({ result, seconds: toNumber(time) }));
}

function* readNunit3(root: XmlElement): Generator<TestResult> {
  expectRoot(root, "test-run", "test-suite");
  yield* nunitCases(root, ({ result = "", label, duration }) => ({
    result: label === "Error" ? label : result,
    seconds: toNumber(duration),
  }));
}

function* nunitCases(
  root: XmlElement,
  read: (attributes: XmlElement["attributes"]) => { result: string; seconds: number },
): Generator<TestResult> {
  for (const test of elementsNamed(root, "test-case")) {
    const { fullname, name = "", classname } = test.attributes;
    const { result, seconds } = read(test.attributes);
    const said = childNamed(test, "failure", "reason");
    const full = fullname ?? name;
    const suite = classname ?? full.slice(0, Math.max(0, full.lastIndexOf(".")));
    yield {
      prefix: suite,
      name,
      suite,
      status: NUNIT_STATUS[result] ?? "UNKNOWN",
      seconds,
      message: said === undefined ? "" : textsOf(said, "message", "stack-trace"),
    };
  }
}

const TESTNG_STATUS: Readonly<Record<string, TestStatus>> = {
  PASS: "SUCCEEDED",
  FAIL: "FAILED",
  SKIP: "SKIPPED",
};

function* readTestNg(root: XmlElement): Generator<TestResult> {
  expectRoot(root, "testng-results");
  for (const suite of elementsNamed(root, "suite")) {
    for (const group of elementsNamed(suite, "class")) {
      for (const method of elementsNamed(group, "test-method")) {
        const { name = "", status = "", "duration-ms": duration, "is-config": isConfig } = method.attributes;
        if (isConfig === "true") continue;
        const exception = childNamed(method, "exception");
        yield {
          prefix: group.attributes.name ?? "",
          name,
          suite: suite.attributes.name ?? "",
          status: TESTNG_STATUS[status] ?? "UNKNOWN",
          seconds: toNumber(duration) / 1000,
          message: exception === undefined ? "" : textsOf(exception, "message", "full-stacktrace"),
        };
      }
    }
  }
}

const TRX_STATUS: Readonly<Record<string, TestStatus>> = {
  Passed: "SUCCEEDED",
  Failed: "FAILED",
  Error: "ERROR",
  Timeout: "ERROR",
  Aborted: "ERROR",
  NotExecuted: "SKIPPED",
  Inconclusive: "SKIPPED",
};

function* readTrx(root: XmlElement): Generator<TestResult> {
  expectRoot(root, "TestRun");
  for (const result of elementsNamed(root, "UnitTestResult")) {
    const { testName = "", outcome = "", duration = "" } = result.attributes;
    const [hours = 0, minutes = 0, seconds = 0] = duration.split(":").map(toNumber);
    const [information] = elementsNamed(result, "ErrorInfo");
    const prefix = testName.slice(0, Math.max(0, testName.lastIndexOf(".")));
    yield {
      prefix,
      name: testName,
      suite: prefix,
      status: TRX_STATUS[outcome] ?? "UNKNOWN",
      seconds: hours * 3600 + minutes * 60 + seconds,
      message: information === undefined ? "" : textsOf(information, "Message", "StackTrace"),
    };
  }
}

const CUCUMBER_STATUS: Readonly<Record<string, TestStatus>> = {
  passed: "SUCCEEDED",
  failed: "FAILED",
  skipped: "SKIPPED",
  pending: "SKIPPED",
  undefined: "ERROR",
  ambiguous: "ERROR",
};
/** A scenario is as bad as its worst step. */
const WORST_FIRST: readonly TestStatus[] = ["ERROR", "FAILED", "UNKNOWN", "SKIPPED", "SUCCEEDED"];

/** CUCUMBERJSON: features with scenarios with steps. @throws ReportFormatError */
export function* readCucumber(value: unknown): Generator<TestResult> {
  for (const feature of arrayOf(value, "the document")) {
    const { name: featureName = "", elements = [] } = recordOf(feature, "a feature");
    for (const element of arrayOf(elements, "a feature's elements")) {
      const scenario = recordOf(element, "a scenario");
      if (scenario.type === "background") continue;
      const steps = arrayOf(scenario.steps ?? [], "a scenario's steps").map((step) =>
        recordOf(recordOf(step, "a step").result ?? {}, "a step's result"),
      );
      const statuses = steps.map(({ status }) => CUCUMBER_STATUS[String(status)] ?? "UNKNOWN");
      yield {
        prefix: String(featureName),
        name: String(scenario.name ?? ""),
        suite: String(featureName),
        status: WORST_FIRST.find((status) => statuses.includes(status)) ?? "UNKNOWN",
        seconds: steps.reduce((sum, { duration }) => sum + toNumber(duration), 0) / 1e9,
        message: steps
          .flatMap(({ error_message }) => (typeof error_message === "string" ? error_message : []))
          .join("\n"),
      };
    }
  }
}

function expectRoot({ name }: XmlElement, ...expected: readonly string[]): void {
  if (expected.includes(name)) return;
  throw new ReportFormatError(`it begins with <${name.slice(0, 80)}>, not with <${expected.join("> or <")}>`);
}

/** Negative and endless times are not believed. */
function toNumber(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) && number > 0 ? number : 0;
}

function joined(...texts: readonly (string | undefined)[]): string {
  const trimmed = texts.map((text) => text?.trim() ?? "").filter((text) => text !== "");
  return [...new Set(trimmed)].join("\n");
}

function textsOf(element: XmlElement, ...names: readonly string[]): string {
  return joined(...names.map((name) => childNamed(element, name)?.text));
}
