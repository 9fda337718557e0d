import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { createVirtualClock, type Definition } from "../../../local/asl/index.ts";
import { createGateway } from "../../../local/gateway.ts";
import { createRequestHandler } from "../../../local/handover.ts";
import type { InvokeFunction } from "../../../local/lambda/function.ts";
import { AwsError } from "../../../local/service.ts";
import { createStepFunctions } from "../../../local/step-functions.ts";
import type { Store } from "../../../local/store.ts";
import type { ServiceEvent, World } from "../../../local/world.ts";
import { LAMBDA, machineOf, seeded } from "../asl/machine.ts";

export const ROLE = "arn:aws:iam::000000000000:role/release";

/** Step Functions behind the gateway, asked by the SDK client, under a virtual clock. */
export function begin(
  functions: Record<string, (payload: unknown) => unknown> = {},
  life: { now?: number; store?: Store } = {},
) {
  const clock = createVirtualClock({ start: life.now ?? Date.parse("2026-11-24T00:00:00Z") });
  const random = seeded(7);
  const events: ServiceEvent[] = [];
  const world: World = {
    clock,
    random,
    accountId: "000000000000",
    region: "eu-central-1",
    endpoint: () => "http://127.0.0.1:1",
    folder: "",
    store: life.store,
    emit: (event) => events.push(event),
  };
  const invoke: InvokeFunction = async (name, payload) => {
    const found = functions[name];
    if (!found)
      throw new AwsError("ResourceNotFoundException", `Function not found: ${name}`, { status: 404 });
    try {
      return {
        payload: JSON.stringify((await found(JSON.parse(payload))) ?? null),
        executedVersion: "3",
      };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const { name: errorType, message: errorMessage } = error;
      const failed = JSON.stringify({ errorType, errorMessage, trace: [] });
      return { payload: failed, functionError: "Unhandled", executedVersion: "3" };
    }
  };
  const service = createStepFunctions(world, { invoke, functionArn: (name) => name });
  const gateway = createGateway([service], { clock, random });
  const client = new SFNClient({
    endpoint: "http://127.0.0.1:1",
    region: "eu-central-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: createRequestHandler(gateway, clock),
  });
  const create = async (name: string, definition: Definition) => {
    const text = JSON.stringify(definition);
    const made = await client.send(new CreateStateMachineCommand({ name, definition: text, roleArn: ROLE }));
    return made.stateMachineArn ?? "";
  };
  const startExecution = async (stateMachineArn: string, input: unknown = {}, name?: string) => {
    const command = new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input), name });
    return (await client.send(command)).executionArn ?? "";
  };
  const finish = async (executionArn: string) => {
    await clock.runUntil(service.executionEnd(executionArn));
    return client.send(new DescribeExecutionCommand({ executionArn }));
  };
  return { clock, client, service, events, create, startExecution, finish };
}

/** Waits a minute and gives its input. */
export const waiting = machineOf({ W: { Type: "Wait", Seconds: 60, End: true } });
/** Invokes the function f. */
export const invoking = (arguments_: object = {}, members: object = {}) =>
  machineOf({
    T: {
      Type: "Task",
      Resource: LAMBDA,
      Arguments: { FunctionName: "f", ...arguments_ },
      End: true,
      ...members,
    },
  });
