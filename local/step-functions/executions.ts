import type * as sfn from "@aws-sdk/client-sfn";
import {
  type Execution,
  type ExecutionResult,
  type HistoryEvent,
  isOverLimit,
  type Json,
  parseJson,
  redriveExecution,
  startExecution,
  type TaskRunner,
  TaskTokens,
} from "../asl/index.ts";
import { AwsError } from "../service.ts";
import { arn, uuid, type World } from "../world.ts";
import type { Machines, StartableMachine } from "./machines.ts";
import { checkName, parseArn } from "./names.ts";
import type { SfnPaginate } from "./pages.ts";
import { type Redrivability, Redrives, redrivability } from "./redrive.ts";
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
  readonly redrives: Redrives;
  /** The run under way, or the last one: a redrive begins another. */
  execution: Execution;
  status: sfn.ExecutionStatus;
  stopDate: Date | undefined;
  result: ExecutionResult | undefined;
  /** Resolves when the run has ended and everybody has been told. */
  ended: Promise<ExecutionResult>;
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
  list(
    pages: SfnPaginate,
    input: sfn.ListExecutionsCommandInput,
  ): Omit<sfn.ListExecutionsCommandOutput, "$metadata"> {
    if (input.stateMachineArn === undefined) {
      throw new AwsError(
        "ValidationException",
        "ListExecutions expects a stateMachineArn; map runs are not supported",
      );
    }
    const wanted = input.stateMachineArn;
    this.#machines.startable(wanted);
    const all = [...this.#records.values()].reverse().filter(({ machine, status, redrives }) => {
      const isOfMachine = machine.stateMachineArn === wanted || machine.versionArn === wanted;
      const hasStatus = input.statusFilter === undefined || status === input.statusFilter;
      const isRedriven = redrives.count > 0 ? "REDRIVEN" : "NOT_REDRIVEN";
      return isOfMachine && hasStatus && (input.redriveFilter ?? isRedriven) === isRedriven;
    });
    const { items, nextToken } = pages("ListExecutions", all, ({ executionArn }) => executionArn, input);
    const executions = items.map(
      ({ executionArn, name, machine, status, startDate, stopDate, redrives }) => ({
        executionArn,
        stateMachineArn: machine.stateMachineArn,
        stateMachineVersionArn: machine.versionArn,
        name,
        status,
        startDate,
        stopDate,
        redriveCount: redrives.count,
        redriveDate: redrives.date,
      }),
    );
    return { executions, nextToken };
  }

  /** Whether an execution can be redriven now. */
  redrivability(record: ExecutionRecord): Redrivability {
    const isDeleting = this.#machines.isDeleting(record.machine.stateMachineArn);
    return redrivability(record, this.#world.clock.now(), isDeleting);
  }

  /** Lets an execution that did not succeed go on from where it failed. Throws ExecutionNotRedrivable. */
  redrive({ executionArn = "", clientToken }: sfn.RedriveExecutionCommandInput): { redriveDate: Date } {
    const record = this.find(executionArn);
    const now = this.#world.clock.now();
    const repeated = record.redrives.repeated(clientToken, now);
    if (repeated) return { redriveDate: repeated };
    const { redriveStatusReason: reason } = this.redrivability(record);
    if (reason !== undefined) throw new AwsError("ExecutionNotRedrivable", reason);
    const execution = redriveExecution({
      ...this.#engineOptions(record.machine, record),
      input: parseInput(record.input),
      history: record.execution.history,
      redriveCount: record.redrives.count + 1,
    });
    if (!execution)
      throw new AwsError("ExecutionNotRedrivable", "Execution has no state to be redriven from");
    const redriveDate = new Date(now);
    record.redrives.add(redriveDate, clientToken);
    this.#run(record, execution);
    return { redriveDate };
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
    const execution = startExecution({
      ...this.#engineOptions(machine, { executionArn, name }),
      input: value,
    });
    const record: ExecutionRecord = {
      executionArn,
      name,
      machine,
      input,
      startDate: new Date(this.#world.clock.now()),
      redrives: new Redrives(),
      execution,
      status: "RUNNING",
      stopDate: undefined,
      result: undefined,
      ended: execution.result,
    };
    this.#records.set(executionArn, record);
    this.#run(record, execution);
    return record;
  }

  #engineOptions(
    machine: StartableMachine,
    { executionArn, name }: Pick<ExecutionRecord, "executionArn" | "name">,
  ) {
    const { clock, random, region } = this.#world;
    const { stateMachineArn, name: stateMachineName, revision } = machine;
    const names: ExecutionName = { executionArn, name, stateMachineArn, stateMachineName };
    return {
      machine: revision.compiled,
      tasks: this.#tasks,
      clock,
      random,
      tokens: this.tokens,
      region,
      context: {
        executionArn,
        executionName: name,
        stateMachineArn: machine.versionArn ?? stateMachineArn,
        stateMachineName,
        roleArn: revision.roleArn,
      },
      onEvent: (event: HistoryEvent) => {
        for (const listener of this.#listeners) listener(event, names);
      },
    };
  }

  /** The record follows a run of its execution to its end. */
  #run(record: ExecutionRecord, execution: Execution): void {
    record.execution = execution;
    record.status = "RUNNING";
    record.stopDate = undefined;
    record.result = undefined;
    record.ended = execution.result.catch(crashed(execution)).then((result) => this.#close(record, result));
    this.#tell(record);
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
    if (!this.#isStopped) this.#world.emit(executionStatusChange(record, this.redrivability(record)));
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
