import {
  DescribeExecutionCommand,
  DescribeStateMachineForExecutionCommand,
  type HistoryEvent,
  paginateGetExecutionHistory,
  paginateListExecutions,
  SFNClient,
} from "@aws-sdk/client-sfn";
import { playScenario } from "../permissions/play.ts";
import type { Scenario } from "../permissions/scenario.ts";
import type { SimulatedWorld } from "../simulation/world.ts";
import { Definitions } from "./definitions.ts";
import { casesOf, errorCasesOf, type Replayed, type StateCase } from "./state-cases.ts";
import { visitsOf } from "./visits.ts";

/** All cases of both machines, and the states that none of them tries. */
export interface Cases {
  readonly cases: readonly StateCase[];
  readonly untried: readonly string[];
}

/** Lives through scenarios and makes cases of what their executions went through: of each way out of each state, one. */
export async function recordCases(played: readonly Scenario[]): Promise<Cases> {
  const cases = new Map<string, StateCase>();
  const states = new Set<string>();
  const add = (one: StateCase) => {
    if (!cases.has(one.name)) cases.set(one.name, one);
  };
  for (const scenario of played)
    await playScenario(scenario, async (world) => {
      for (const { replayed, events } of await world.clock.runUntil(readExecutions(world))) {
        for (const name of replayed.definitions.names) states.add(`${replayed.machine} ${name}`);
        for (const visit of visitsOf(replayed.definitions, events)) {
          for (const one of casesOf(replayed, visit)) add(one);
          for (const one of errorCasesOf(replayed, visit)) add(one);
        }
      }
    });
  const tried = new Set([...cases.values()].map(({ machine, state }) => `${machine} ${state}`));
  return { cases: [...cases.values()], untried: [...states].filter((state) => !tried.has(state)) };
}

interface Recorded {
  readonly replayed: Replayed;
  readonly events: readonly HistoryEvent[];
}

async function readExecutions({ connection, made }: SimulatedWorld): Promise<Recorded[]> {
  const client = new SFNClient(connection.client);
  const recorded: Recorded[] = [];
  for (const [name, stateMachineArn] of Object.entries(made.machines)) {
    const definitions = new Map<string, Definitions>();
    for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn }))
      for (const { executionArn } of executions) {
        const events: HistoryEvent[] = [];
        for await (const page of paginateGetExecutionHistory({ client }, { executionArn }))
          events.push(...(page.events ?? []));
        const { definition = "" } = await client.send(
          new DescribeStateMachineForExecutionCommand({ executionArn }),
        );
        const read = definitions.get(definition) ?? new Definitions(definition);
        definitions.set(definition, read);
        const about = await client.send(new DescribeExecutionCommand({ executionArn }));
        recorded.push({
          events,
          replayed: {
            machine: name === "DeployMachine" ? "deploy" : "release",
            definitions: read,
            execution: {
              Id: executionArn ?? "",
              Input: JSON.parse(about.input ?? "{}"),
              Name: about.name ?? "",
              RoleArn: events[0]?.executionStartedEventDetails?.roleArn ?? "",
              StartTime: about.startDate?.toISOString() ?? "",
            },
            stateMachine: { Id: stateMachineArn, Name: name },
          },
        });
      }
  }
  return recorded;
}
