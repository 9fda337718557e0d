import * as sfn from "@aws-sdk/client-sfn";
import { TaskTokenError } from "./asl/index.ts";
import { demand } from "./iam/demand.ts";
import { authorizeRole, type RoleSession } from "./iam/index.ts";
import { AwsError, type Operation, type Service } from "./service.ts";
import {
  type ExecutionRecord,
  Executions,
  type HistoryListener,
  type Restored,
} from "./step-functions/executions.ts";
import { historyPage } from "./step-functions/history-page.ts";
import { Machines } from "./step-functions/machines.ts";
import { createPages, type SfnPaginate } from "./step-functions/pages.ts";
import type { Redrivability } from "./step-functions/redrive.ts";
import { createStateTests } from "./step-functions/state-tests.ts";
import {
  createInterruptedTaskRunner,
  createTaskRunner,
  isKnownResource,
  type TaskServices,
} from "./step-functions/tasks.ts";
import { arn, type World } from "./world.ts";

export type { ExecutionName, HistoryListener } from "./step-functions/executions.ts";

/** Step Functions, with the doors that other services and the terminal use in process. */
export interface StepFunctions extends Service {
  /** Starts an execution under a name of its own, as a rule's target does by its role. Rejects with AwsError. */
  startExecution(
    stateMachineArn: string,
    input: string,
    as?: RoleSession,
  ): Promise<{ executionArn: string; startDate: Date }>;
  /** Tells of each event of each execution as it is recorded. Returns what ends that. */
  onHistoryEvent(listener: HistoryListener): () => void;
  /** Resolves with the final status when an execution has ended. Rejects with AwsError ExecutionDoesNotExist. */
  executionEnd(executionArn: string): Promise<sfn.ExecutionStatus>;
  /** Brings back the executions that an earlier process kept. To be called once, before anything else. */
  restore(): Promise<Restored>;
  /** Lets the open ones of them go on. To be called once everything that they use is there. */
  goOn(): void;
  /** Aborts every open execution; what is kept of it stays open. */
  stop(): Promise<void>;
}

/** Step Functions (STANDARD workflows in JSONata) over the engine of `asl/`. */
export function createStepFunctions(
  world: World,
  deps: Pick<TaskServices, "invoke" | "functionArn">,
): StepFunctions {
  const machines = new Machines(world, isKnownResource);
  const pages = createPages(world.clock);
  const services: TaskServices = {
    ...deps,
    start: (input) => executions.start(input),
    find: (executionArn) => executions.search(executionArn),
  };
  const tasks = createTaskRunner(world, services);
  const executions: Executions = new Executions(world, machines, tasks);
  return {
    target: "AWSStepFunctions",
    protocol: "json1.0",
    schemas: sfn,
    operations: {
      ...machineOperations(world, machines, executions, pages),
      ...executionOperations(executions, pages),
      ...taskOperations(executions),
      ...testOperations(createStateTests(world, tasks)),
    },
    async startExecution(stateMachineArn, input, as) {
      if (as !== undefined) authorizeRole(world, as, demand("states:StartExecution", stateMachineArn));
      const { executionArn, startDate } = executions.start({ stateMachineArn, input });
      return { executionArn, startDate };
    },
    onHistoryEvent: (listener) => executions.listen(listener),
    async executionEnd(executionArn) {
      return (await executions.find(executionArn).ended).status;
    },
    restore: () => executions.restore(),
    goOn: () => executions.goOn(createInterruptedTaskRunner(world, services)),
    stop: () => executions.stop(),
  };
}

/**
 * A definition that waits for nested executions makes Step Functions keep a rule of its own in the account, by the
 * right of the machine's role. @throws AwsError AccessDeniedException.
 */
function checkManagedRule(
  world: World,
  { definition = "", roleArn }: Pick<Partial<sfn.CreateStateMachineCommandInput>, "definition" | "roleArn">,
): void {
  if (!/:states:startExecution\.sync\b/.test(definition)) return;
  const rule = arn(world, "events", "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule");
  const actions = ["events:PutTargets", "events:PutRule", "events:DescribeRule"];
  const demands = actions.flatMap((action) => demand(action, rule));
  authorizeRole(world, { roleArn, sessionName: "create-managed-rule" }, demands);
}

function machineOperations(world: World, machines: Machines, executions: Executions, pages: SfnPaginate) {
  const CreateStateMachine: Operation<
    sfn.CreateStateMachineCommandInput,
    sfn.CreateStateMachineCommandOutput
  > = (input) => {
    checkManagedRule(world, input);
    return machines.create(input);
  };
  const UpdateStateMachine: Operation<
    sfn.UpdateStateMachineCommandInput,
    sfn.UpdateStateMachineCommandOutput
  > = (input) => {
    checkManagedRule(world, input);
    return machines.update(input);
  };
  const PublishStateMachineVersion: Operation<
    sfn.PublishStateMachineVersionCommandInput,
    sfn.PublishStateMachineVersionCommandOutput
  > = (input) => machines.publish(input);
  const DescribeStateMachine: Operation<
    sfn.DescribeStateMachineCommandInput,
    sfn.DescribeStateMachineCommandOutput
  > = (input) => machines.describe(input);
  const ListStateMachines: Operation<
    sfn.ListStateMachinesCommandInput,
    sfn.ListStateMachinesCommandOutput
  > = (input) => machines.list(pages, input);
  const DeleteStateMachine: Operation<
    sfn.DeleteStateMachineCommandInput,
    sfn.DeleteStateMachineCommandOutput
  > = ({ stateMachineArn = "" }) => {
    machines.delete(stateMachineArn, executions.hasOpen(stateMachineArn));
    return {};
  };
  return {
    CreateStateMachine,
    UpdateStateMachine,
    PublishStateMachineVersion,
    DescribeStateMachine,
    ListStateMachines,
    DeleteStateMachine,
  };
}

function executionOperations(executions: Executions, pages: SfnPaginate) {
  const StartExecution: Operation<sfn.StartExecutionCommandInput, sfn.StartExecutionCommandOutput> = (
    input,
  ) => {
    const { executionArn, startDate } = executions.start(input);
    return { executionArn, startDate };
  };
  const DescribeExecution: Operation<
    sfn.DescribeExecutionCommandInput,
    sfn.DescribeExecutionCommandOutput
  > = ({ executionArn = "" }) => {
    const record = executions.find(executionArn);
    return describeExecution(record, executions.redrivability(record));
  };
  const DescribeStateMachineForExecution: Operation<
    sfn.DescribeStateMachineForExecutionCommandInput,
    sfn.DescribeStateMachineForExecutionCommandOutput
  > = ({ executionArn = "" }) => {
    const { stateMachineArn, name, revision } = executions.find(executionArn).machine;
    const { definition, roleArn, updateDate, revisionId } = revision;
    return { stateMachineArn, name, definition, roleArn, updateDate, revisionId };
  };
  const ListExecutions: Operation<sfn.ListExecutionsCommandInput, sfn.ListExecutionsCommandOutput> = (
    input,
  ) => executions.list(pages, input);
  const GetExecutionHistory: Operation<
    sfn.GetExecutionHistoryCommandInput,
    sfn.GetExecutionHistoryCommandOutput
  > = (input) => historyPage(pages, executions.find(input.executionArn ?? "").execution.history, input);
  const StopExecution: Operation<sfn.StopExecutionCommandInput, sfn.StopExecutionCommandOutput> = async (
    input,
  ) => {
    const record = executions.find(input.executionArn ?? "");
    record.execution.stop(input.error, input.cause);
    await record.ended;
    return { stopDate: record.stopDate };
  };
  const RedriveExecution: Operation<sfn.RedriveExecutionCommandInput, sfn.RedriveExecutionCommandOutput> = (
    input,
  ) => executions.redrive(input);
  return {
    StartExecution,
    DescribeExecution,
    DescribeStateMachineForExecution,
    ListExecutions,
    GetExecutionHistory,
    StopExecution,
    RedriveExecution,
  };
}

function describeExecution(
  record: ExecutionRecord,
  redrivability: Redrivability,
): Omit<sfn.DescribeExecutionCommandOutput, "$metadata"> {
  const { executionArn, name, machine, status, input, startDate, stopDate, redrives, result } = record;
  const output = result?.outputText;
  return {
    executionArn,
    stateMachineArn: machine.stateMachineArn,
    stateMachineVersionArn: machine.versionArn,
    name,
    status,
    startDate,
    stopDate,
    input,
    inputDetails: { included: true },
    output,
    ...(output === undefined ? {} : { outputDetails: { included: true } }),
    error: result?.error,
    cause: result?.cause,
    redriveCount: redrives.count,
    redriveDate: redrives.date,
    ...redrivability,
  };
}

function taskOperations({ tokens }: Executions) {
  const SendTaskSuccess: Operation<sfn.SendTaskSuccessCommandInput, sfn.SendTaskSuccessCommandOutput> = (
    input,
  ) => answered(() => tokens.succeed(input.taskToken ?? "", input.output ?? ""));
  const SendTaskFailure: Operation<sfn.SendTaskFailureCommandInput, sfn.SendTaskFailureCommandOutput> = (
    input,
  ) => answered(() => tokens.fail(input.taskToken ?? "", input.error, input.cause));
  const SendTaskHeartbeat: Operation<
    sfn.SendTaskHeartbeatCommandInput,
    sfn.SendTaskHeartbeatCommandOutput
  > = (input) => answered(() => tokens.heartbeat(input.taskToken ?? ""));
  return { SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat };
}

function testOperations(testState: ReturnType<typeof createStateTests>) {
  const TestState: Operation<sfn.TestStateCommandInput, sfn.TestStateCommandOutput> = testState;
  return { TestState };
}

function answered(send: () => void): Record<string, never> {
  try {
    send();
    return {};
  } catch (error) {
    if (error instanceof TaskTokenError) throw new AwsError(error.name, error.message);
    throw error;
  }
}
