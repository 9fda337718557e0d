import type * as sfn from "@aws-sdk/client-sfn";
import { InvalidDefinitionError, type StateMachine, type TaskResource } from "../asl/index.ts";
import { AwsError } from "../service.ts";
import { type Kept, keptIn } from "../store.ts";
import { arn, uuid, type World } from "../world.ts";
import { compileOnce } from "./compilations.ts";
import { checkName, parseArn } from "./names.ts";
import type { SfnPaginate } from "./pages.ts";

/** What an execution needs of its machine. It keeps it, whatever happens to the machine afterwards. */
export interface Revision {
  readonly definition: string;
  readonly compiled: StateMachine;
  readonly roleArn: string;
  readonly revisionId: string | undefined;
  readonly updateDate: Date;
}

/** What StartExecution is given: a machine as it is now, or a published version of it. */
export interface StartableMachine {
  readonly stateMachineArn: string;
  readonly versionArn: string | undefined;
  readonly name: string;
  readonly revision: Revision;
}

interface Machine {
  readonly arn: string;
  readonly name: string;
  readonly creationDate: Date;
  readonly loggingConfiguration: sfn.LoggingConfiguration;
  readonly tracingConfiguration: sfn.TracingConfiguration;
  readonly versions: Map<number, Version>;
  current: Revision;
  lastVersion: number;
  isDeleting: boolean;
}

interface Version {
  readonly arn: string;
  readonly revision: Revision;
  readonly creationDate: Date;
  readonly description: string | undefined;
}

/** A revision without what is made of its definition. */
export type KeptRevision = Omit<Revision, "compiled">;

/** A machine as it is kept: its versions name a revision by its place. */
interface KeptMachine extends Omit<Machine, "versions" | "current"> {
  readonly revisions: readonly KeptRevision[];
  readonly current: number;
  readonly versions: readonly (Omit<Version, "revision"> & { number: number; revision: number })[];
}

/** The state machines with their revisions and versions. Throws AwsError under AWS's names. */
export class Machines {
  readonly #world: World;
  readonly #isKnownResource: (resource: TaskResource) => boolean;
  readonly #machines = new Map<string, Machine>();
  readonly #kept: Kept<KeptMachine>;

  constructor(world: World, isKnownResource: (resource: TaskResource) => boolean) {
    this.#world = world;
    this.#isKnownResource = isKnownResource;
    this.#kept = keptIn(world, "states/machines");
    for (const [machineArn, kept] of this.#kept.entries()) this.#machines.set(machineArn, this.#unpack(kept));
  }

  /** Makes a revision of what was kept of it. What cannot be compiled any more throws when it is to be executed. */
  revive(kept: KeptRevision): Revision {
    const isKnownResource = this.#isKnownResource;
    let compiled: StateMachine | undefined;
    return {
      ...kept,
      get compiled() {
        compiled ??= compileOnce(kept.definition, isKnownResource);
        return compiled;
      },
    };
  }

  create(input: sfn.CreateStateMachineCommandInput): Omit<sfn.CreateStateMachineCommandOutput, "$metadata"> {
    const { name = "", definition = "", roleArn = "" } = input;
    checkName(name);
    if (input.type === "EXPRESS") {
      throw new AwsError(
        "StateMachineTypeNotSupported",
        "Express workflows are not supported here: they keep no history and cannot wait for task tokens. Use STANDARD.",
      );
    }
    if (input.versionDescription !== undefined && input.publish !== true) {
      throw new AwsError("ValidationException", "Version description can only be set when publish is true");
    }
    const machineArn = arn(this.#world, "states", `stateMachine:${name}`);
    const existing = this.#machines.get(machineArn);
    if (existing) return this.#createAgain(existing, definition, roleArn);
    const creationDate = this.#now();
    const machine: Machine = {
      arn: machineArn,
      name,
      creationDate,
      loggingConfiguration: input.loggingConfiguration ?? { level: "OFF", includeExecutionData: false },
      tracingConfiguration: input.tracingConfiguration ?? { enabled: false },
      versions: new Map(),
      current: this.#revision(definition, roleArn, undefined),
      lastVersion: 0,
      isDeleting: false,
    };
    this.#machines.set(machineArn, machine);
    const version = input.publish ? this.#publish(machine, input.versionDescription) : undefined;
    this.#keep(machine);
    return { stateMachineArn: machineArn, creationDate, stateMachineVersionArn: version?.arn };
  }

  update(input: sfn.UpdateStateMachineCommandInput): Omit<sfn.UpdateStateMachineCommandOutput, "$metadata"> {
    const machine = this.#find(input.stateMachineArn ?? "");
    if (machine.isDeleting) throw deleting(machine.arn);
    if (input.definition === undefined && input.roleArn === undefined && input.publish !== true) {
      throw new AwsError(
        "MissingRequiredParameter",
        "Either the definition, the role ARN or publish must be given",
      );
    }
    if (input.definition !== undefined || input.roleArn !== undefined) {
      const { definition, roleArn } = machine.current;
      machine.current = this.#revision(
        input.definition ?? definition,
        input.roleArn ?? roleArn,
        uuid(this.#world.random),
      );
    }
    const version = input.publish ? this.#publish(machine, input.versionDescription) : undefined;
    this.#keep(machine);
    const { updateDate, revisionId } = machine.current;
    return { updateDate, revisionId, stateMachineVersionArn: version?.arn };
  }

  publish(
    input: sfn.PublishStateMachineVersionCommandInput,
  ): Omit<sfn.PublishStateMachineVersionCommandOutput, "$metadata"> {
    const machine = this.#find(input.stateMachineArn ?? "");
    if (machine.isDeleting) throw deleting(machine.arn);
    if (input.revisionId !== undefined && input.revisionId !== (machine.current.revisionId ?? "INITIAL")) {
      throw new AwsError("ConflictException", "The revision of the state machine is no longer the one given");
    }
    const version = this.#publish(machine, input.description);
    this.#keep(machine);
    return { stateMachineVersionArn: version.arn, creationDate: version.creationDate };
  }

  describe(
    input: sfn.DescribeStateMachineCommandInput,
  ): Omit<sfn.DescribeStateMachineCommandOutput, "$metadata"> {
    const stateMachineArn = input.stateMachineArn ?? "";
    const machine = this.#find(stateMachineArn);
    const version = this.#version(machine, stateMachineArn);
    const { definition, roleArn, revisionId } = version?.revision ?? machine.current;
    return {
      stateMachineArn,
      name: machine.name,
      status: machine.isDeleting ? "DELETING" : "ACTIVE",
      definition,
      roleArn,
      type: "STANDARD",
      creationDate: version?.creationDate ?? machine.creationDate,
      loggingConfiguration: machine.loggingConfiguration,
      tracingConfiguration: machine.tracingConfiguration,
      revisionId,
      description: version?.description,
    };
  }

  list(
    pages: SfnPaginate,
    input: sfn.ListStateMachinesCommandInput,
  ): Omit<sfn.ListStateMachinesCommandOutput, "$metadata"> {
    const all = [...this.#machines.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
    const { items, nextToken } = pages("ListStateMachines", all, ({ arn }) => arn, input);
    const stateMachines = items.map(({ arn: stateMachineArn, name, creationDate }) => ({
      stateMachineArn,
      name,
      type: "STANDARD" as const,
      creationDate,
    }));
    return { stateMachines, nextToken };
  }

  /** Deletes a machine, at once or when its last execution ends. No machine is not an error. */
  delete(stateMachineArn: string, hasOpenExecutions: boolean): void {
    parseArn(stateMachineArn, "stateMachine");
    const machine = this.#machines.get(stateMachineArn);
    if (!machine) return;
    machine.isDeleting = true;
    this.#keep(machine);
    if (!hasOpenExecutions) this.#remove(stateMachineArn);
  }

  /** Whether a machine is going or has gone. */
  isDeleting(stateMachineArn: string): boolean {
    return this.#machines.get(stateMachineArn)?.isDeleting ?? true;
  }

  /** To be called when the last open execution of a machine has ended. */
  afterLastExecution(stateMachineArn: string): void {
    if (this.#machines.get(stateMachineArn)?.isDeleting) this.#remove(stateMachineArn);
  }

  /** What to execute for the ARN of a machine or of a version of it. */
  startable(stateMachineArn: string): StartableMachine {
    const machine = this.#find(stateMachineArn);
    if (machine.isDeleting) throw deleting(stateMachineArn);
    const version = this.#version(machine, stateMachineArn);
    return {
      stateMachineArn: machine.arn,
      versionArn: version?.arn,
      name: machine.name,
      revision: version?.revision ?? machine.current,
    };
  }

  #remove(stateMachineArn: string): void {
    this.#machines.delete(stateMachineArn);
    this.#kept.delete(stateMachineArn);
  }

  #keep({ versions, current, ...rest }: Machine): void {
    const revisions = [...new Set([current, ...[...versions.values()].map(({ revision }) => revision)])];
    this.#kept.put(rest.arn, {
      ...rest,
      revisions: revisions.map(keepRevision),
      current: 0,
      versions: [...versions].map(([number, version]) => ({
        ...version,
        number,
        revision: revisions.indexOf(version.revision),
      })),
    });
  }

  #unpack({ revisions, current, versions, ...rest }: KeptMachine): Machine {
    const revived = revisions.map((revision) => this.revive(revision));
    const at = (place: number): Revision => {
      const revision = revived[place];
      if (revision === undefined)
        throw new TypeError(`The kept machine ${rest.arn} has no revision ${place}.`);
      return revision;
    };
    return {
      ...rest,
      current: at(current),
      versions: new Map(
        versions.map(({ number, revision, ...version }) => [number, { ...version, revision: at(revision) }]),
      ),
    };
  }

  #createAgain(machine: Machine, definition: string, roleArn: string) {
    if (machine.isDeleting) throw deleting(machine.arn);
    const { current } = machine;
    if (current.definition === definition && current.roleArn === roleArn) {
      return { stateMachineArn: machine.arn, creationDate: machine.creationDate };
    }
    throw new AwsError("StateMachineAlreadyExists", `State Machine Already Exists: '${machine.arn}'`);
  }

  #revision(definition: string, roleArn: string, revisionId: string | undefined): Revision {
    if (!/^arn:[^:]+:iam::\d*:role\/.+$/.test(roleArn)) {
      throw new AwsError("InvalidArn", `Invalid Arn: 'Invalid Role ARN: ${roleArn}'`);
    }
    try {
      const compiled = compileOnce(definition, this.#isKnownResource);
      return { definition, compiled, roleArn, revisionId, updateDate: this.#now() };
    } catch (error) {
      if (error instanceof InvalidDefinitionError) throw new AwsError("InvalidDefinition", error.message);
      throw error;
    }
  }

  #publish(machine: Machine, description: string | undefined): Version {
    const latest = machine.versions.get(machine.lastVersion);
    if (latest?.revision === machine.current) return latest;
    machine.lastVersion += 1;
    const version: Version = {
      arn: `${machine.arn}:${machine.lastVersion}`,
      revision: machine.current,
      creationDate: this.#now(),
      description,
    };
    machine.versions.set(machine.lastVersion, version);
    return version;
  }

  #find(stateMachineArn: string): Machine {
    const { qualifier } = parseArn(stateMachineArn, "stateMachine");
    const unqualified =
      qualifier === undefined ? stateMachineArn : stateMachineArn.slice(0, -qualifier.length - 1);
    const machine = this.#machines.get(unqualified);
    if (!machine) throw doesNotExist(stateMachineArn);
    return machine;
  }

  #version(machine: Machine, stateMachineArn: string): Version | undefined {
    if (stateMachineArn === machine.arn) return undefined;
    const version = machine.versions.get(Number(stateMachineArn.slice(machine.arn.length + 1)));
    if (!version) throw doesNotExist(stateMachineArn);
    return version;
  }

  #now(): Date {
    return new Date(this.#world.clock.now());
  }
}

/** What is kept of a revision. */
export function keepRevision({ definition, roleArn, revisionId, updateDate }: Revision): KeptRevision {
  return { definition, roleArn, revisionId, updateDate };
}

function doesNotExist(stateMachineArn: string): AwsError {
  return new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${stateMachineArn}'`);
}

function deleting(stateMachineArn: string): AwsError {
  return new AwsError("StateMachineDeleting", `State Machine Deleting: '${stateMachineArn}'`);
}
