import type * as sfn from "@aws-sdk/client-sfn";
import {
  type Execution,
  type ExecutionResult,
  type HistoryEvent,
  isOverLimit,
  type Json,
  parseJson,
  startExecution,
  type TaskRunner,
  TaskTokens,
} from "../asl/index.ts";
import { AwsError } from "../service.ts";
import { arn, uuid, type World } from "../world.ts";
import type { Machines, StartableMachine } from "./machines.ts";
import { checkName, parseArn } from "./names.ts";
import { page } from "./pages.ts";
import { executionStatusChange } from "./status-event.ts";

/** A closed execution is forgotten, and its name free again, after 90 days. */
const RETENTION_MILLISECONDS = 90 * 24 * 3_600_000;

/** An execution as Step Functions keeps it. */
export interface ExecutionRecord {
  readonly executionArn: string;
  readonly name: string;
  readonly machine: StartableMachine;
  readonly input: string;
  readonly startDate: Date;
  readonly execution: Execution;
  status: sfn.ExecutionStatus;
  stopDate: Date | undefined;
  result: ExecutionResult | undefined;
  /** Resolves when it has ended and everybody has been told. */
  readonly ended: Promise<ExecutionResult>;
}

/** Told of each event of each execution as it is recorded. Must not throw. */
export type HistoryListener = (event: HistoryEvent, execution: ExecutionName) => void;

export interface ExecutionName {
  readonly executionArn: string;
  readonly name: string;
  readonly stateMachineArn: string;
  readonly stateMachineName: string;
}

/** The executions, open and closed. Throws AwsError under AWS's names. */
export class Executions {
  readonly tokens: TaskTokens;
  readonly #world: World;
  readonly #machines: Machines;
  readonly #tasks: TaskRunner;
  readonly #records = new Map<string, ExecutionRecord>();
  readonly #listeners = new Set<HistoryListener>();
  #isStopped = false;

  constructor(world: World, machines: Machines, tasks: TaskRunner) {
    this.#world = world;
    this.#machines = machines;
    this.#tasks = tasks;
    this.tokens = new TaskTokens(world.random);
  }

  /** Starts an execution, or finds the open one of the same name and input. */
  start(input: sfn.StartExecutionCommandInput): ExecutionRecord {
    const machine = this.#machines.startable(input.stateMachineArn ?? "");
    const name = input.name ?? uuid(this.#world.random);
    checkName(name);
    const text = input.input ?? "{}";
    const value = parseInput(text);
    const executionArn = arn(this.#world, "states", `execution:${machine.name}:${name}`);
    const existing = this.#records.get(executionArn);
    if (existing && !this.#isForgotten(existing)) {
      if (existing.status === "RUNNING" && existing.input === text) return existing;
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${executionArn}'`);
    }
    return this.#begin(machine, executionArn, name, text, value);
  }

  find(executionArn: string): ExecutionRecord {
    parseArn(executionArn, "execution");
    const record = this.#records.get(executionArn);
    if (record) return record;
    throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${executionArn}'`);
  }

  /** Newest first, as ListExecutions gives them. */
  list(input: sfn.ListExecutionsCommandInput): Omit<sfn.ListExecutionsCommandOutput, "$metadata"> {
    if (input.stateMachineArn === undefined) {
      throw new AwsError(
        "ValidationException",
        "ListExecutions expects a stateMachineArn; map runs are not supported",
      );
    }
    const wanted = input.stateMachineArn;
    this.#machines.startable(wanted);
    const all = [...this.#records.values()].reverse().filter(({ machine, status }) => {
      const isOfMachine = machine.stateMachineArn === wanted || machine.versionArn === wanted;
      return isOfMachine && (input.statusFilter === undefined || status === input.statusFilter);
    });
    const { items, nextToken } = page(all, input.maxResults, input.nextToken);
    const executions = items.map(({ executionArn, name, machine, status, startDate, stopDate }) => ({
      executionArn,
      stateMachineArn: machine.stateMachineArn,
      stateMachineVersionArn: machine.versionArn,
      name,
      status,
      startDate,
      stopDate,
      redriveCount: 0,
    }));
    return { executions, nextToken };
  }

  hasOpen(stateMachineArn: string): boolean {
    return [...this.#records.values()].some(
      ({ machine, status }) => machine.stateMachineArn === stateMachineArn && status === "RUNNING",
    );
  }

  /** Returns what takes the listener away again. */
  listen(listener: HistoryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Aborts whatever is open, without telling the bus: the service is going away. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const open = [...this.#records.values()].filter(({ status }) => status === "RUNNING");
    for (const { execution } of open) execution.stop(undefined, "The local Step Functions was stopped.");
    await Promise.all(open.map(({ ended }) => ended));
  }

  #isForgotten({ stopDate }: ExecutionRecord): boolean {
    return stopDate !== undefined && this.#world.clock.now() - stopDate.getTime() > RETENTION_MILLISECONDS;
  }

  #begin(
    machine: StartableMachine,
    executionArn: string,
    name: string,
    input: string,
    value: Json,
  ): ExecutionRecord {
    const world = this.#world;
    const { stateMachineArn, name: stateMachineName, revision } = machine;
    const names: ExecutionName = { executionArn, name, stateMachineArn, stateMachineName };
    const execution = startExecution({
      machine: revision.compiled,
      input: value,
      tasks: this.#tasks,
      clock: world.clock,
      random: world.random,
      tokens: this.tokens,
      region: world.region,
      context: {
        executionArn,
        executionName: name,
        stateMachineArn: machine.versionArn ?? stateMachineArn,
        stateMachineName,
        roleArn: revision.roleArn,
      },
      onEvent: (event) => {
        for (const listener of this.#listeners) listener(event, names);
      },
    });
    const record: ExecutionRecord = {
      executionArn,
      name,
      machine,
      input,
      startDate: new Date(world.clock.now()),
      execution,
      status: "RUNNING",
      stopDate: undefined,
      result: undefined,
      ended: execution.result.catch(crashed(execution)).then((result) => this.#close(record, result)),
    };
    this.#records.set(executionArn, record);
    this.#tell(record);
    return record;
  }

  #close(record: ExecutionRecord, result: ExecutionResult): ExecutionResult {
    record.status = result.status;
    record.result = result;
    record.stopDate = new Date(this.#world.clock.now());
    this.#tell(record);
    const { stateMachineArn } = record.machine;
    if (!this.hasOpen(stateMachineArn)) this.#machines.afterLastExecution(stateMachineArn);
    return result;
  }

  #tell(record: ExecutionRecord): void {
    if (!this.#isStopped) this.#world.emit(executionStatusChange(record));
  }
}

function parseInput(text: string): Json {
  if (isOverLimit(text)) {
    throw new AwsError("InvalidExecutionInput", "Invalid Execution Input: it is larger than 256 KiB");
  }
  try {
    return parseJson(text);
  } catch {
    throw new AwsError("InvalidExecutionInput", "Invalid Execution Input: 'Invalid JSON input'");
  }
}

/** A defect of the engine ends the execution too, and says that it is one. */
function crashed(execution: Execution) {
  return (error: unknown): ExecutionResult => ({
    status: "FAILED",
    output: undefined,
    outputText: undefined,
    error: "States.Runtime",
    cause: `The engine itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    history: execution.history,
  });
}
