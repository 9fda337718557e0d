import { SFNClient } from "@aws-sdk/client-sfn";
import { accountSettings, Refusal, requireAccount } from "./account.ts";
import type { Cases } from "./recorded-cases.ts";
import { replay } from "./replay.ts";

/**
 * Asks the TestState of an account about every state of both machines, with mocks, and compares its answers with what
 * the machines did in the simulated world. Makes and changes nothing.
 * Exits with 0 if all are the same, 1 if not, 2 if it refuses to begin.
 */
process.env.POWERTOOLS_LOG_LEVEL = "SILENT";
process.env.POWERTOOLS_METRICS_DISABLED = "true";

try {
  const { id, region } = await requireAccount(
    accountSettings(process.env, {
      variable: "SPILLWAY_TEST_ACCOUNT",
      does: "This asks its Step Functions some hundred times about single states; it makes and changes nothing.",
    }),
  );
  process.exitCode = await compare(await makeCases(), region, id);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 2;
}

async function makeCases(): Promise<Cases> {
  console.log("Living through releases in the simulated world, to know what each state is given…");
  // Only now: the functions' logs are switched on or off as they are loaded.
  const { recordCases } = await import("./recorded-cases.ts");
  const { stateScenarios } = await import("./state-scenarios.ts");
  return recordCases(stateScenarios);
}

async function compare({ cases, untried }: Cases, region: string, account: string): Promise<number> {
  // An account answers ten of them a second: whoever is faster is told to wait.
  const client = new SFNClient({
    region,
    maxAttempts: 10,
    retryMode: "adaptive",
    // AWS answers TestState under a name of its own, which another endpoint does not have.
    disableHostPrefix: process.env.AWS_ENDPOINT_URL !== undefined,
  });
  console.log(`Asking TestState of ${account} in ${region} about ${cases.length} cases…`);
  const differences = await replay(client, cases, ({ name }, says) => {
    if (says !== undefined) console.log(`DIFFERENT  ${name}\n           ${says}`);
  });
  const states = new Set(cases.map(({ machine, state }) => `${machine} ${state}`));
  console.log(`${cases.length} cases of ${states.size} states: ${differences.length} answered otherwise.`);
  if (untried.length > 0) console.error(`No case of these states: ${untried.join(", ")}.`);
  return differences.length === 0 && untried.length === 0 ? 0 : 1;
}
