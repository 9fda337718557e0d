import type * as sfn from "@aws-sdk/client-sfn";
import { type Demand, type Demands, demand, passRoles } from "../demand.ts";

interface OfMachine {
  readonly stateMachineArn?: string | undefined;
}

interface OfExecution {
  readonly executionArn?: string | undefined;
}

const ofMachine =
  (action: string) =>
  ({ stateMachineArn = "" }: OfMachine): Demand[] =>
    demand(action, stateMachineArn);
const ofExecution =
  (action: string) =>
  ({ executionArn = "" }: OfExecution): Demand[] =>
    demand(action, executionArn);

/** What operations of Step Functions need. Those of task tokens know no resource. */
export function stepFunctionsDemands(arn: (service: string, resource: string) => string): Demands {
  return {
    CreateStateMachine: ({ name = "", roleArn }: Partial<sfn.CreateStateMachineCommandInput>) => [
      ...demand("states:CreateStateMachine", arn("states", `stateMachine:${name}`)),
      ...passRoles([roleArn], "states.amazonaws.com"),
    ],
    UpdateStateMachine: ({ stateMachineArn = "", roleArn }: Partial<sfn.UpdateStateMachineCommandInput>) => [
      ...demand("states:UpdateStateMachine", stateMachineArn),
      ...passRoles([roleArn], "states.amazonaws.com"),
    ],
    DeleteStateMachine: ofMachine("states:DeleteStateMachine"),
    DescribeStateMachine: ofMachine("states:DescribeStateMachine"),
    PublishStateMachineVersion: ofMachine("states:PublishStateMachineVersion"),
    ListExecutions: ofMachine("states:ListExecutions"),
    StartExecution: ofMachine("states:StartExecution"),
    DescribeExecution: ofExecution("states:DescribeExecution"),
    DescribeStateMachineForExecution: ofExecution("states:DescribeStateMachineForExecution"),
    GetExecutionHistory: ofExecution("states:GetExecutionHistory"),
    RedriveExecution: ofExecution("states:RedriveExecution"),
    StopExecution: ofExecution("states:StopExecution"),
    TestState: ({ roleArn }: Partial<sfn.TestStateCommandInput>) => [
      ...demand("states:TestState", "*"),
      ...passRoles([roleArn], "states.amazonaws.com"),
    ],
  };
}
