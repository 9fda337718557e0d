import * as z from "zod/mini";
import type { GatewayResponse } from "../../local/gateway.ts";
import { readJson } from "../../local/json-body.ts";
import type { History } from "./history.ts";
import type { Call } from "./seams.ts";
import type { SimulatedWorld } from "./world.ts";

const BuildCall = z.object({ id: z.string() });

/** Operations that change something outside of the records. */
const changing: ReadonlySet<string> = new Set([
  "AppRunner.CreateService",
  "AppRunner.UpdateService",
  "AmazonEC2ContainerServiceV20141113.RunTask",
  "AmazonEC2ContainerServiceV20141113.StopTask",
  "CodeBuild_20161006.StartBuild",
  "CodeBuild_20161006.StopBuild",
  "AWSStepFunctions.StartExecution",
  "AWSStepFunctions.SendTaskSuccess",
  "AWSStepFunctions.SendTaskFailure",
  "AWSEvents.PutEvents",
]);

const Text = z.object({ S: z.string() });
const Named = z.object({ ExpressionAttributeNames: z.optional(z.record(z.string(), z.string())) });
const Written = z.object({ Key: z.object({ pk: Text, sk: Text }) });

/** Writes into the history every call that took effect. */
export interface Notes {
  call(call: Call, send: () => Promise<GatewayResponse>): Promise<GatewayResponse>;
  /** From here on it is noted who held the lease of what was changed. */
  watch(world: SimulatedWorld): void;
}

export function createNotes(history: History): Notes {
  let watched: SimulatedWorld | undefined;

  function holderOf(input: unknown): string | undefined {
    const [, service, environment] = /spillway-(\w+)-(staging|production)/.exec(JSON.stringify(input)) ?? [];
    return ownerOf(service, environment);
  }

  function ownerOf(service: string | undefined, environment: string | undefined): string | undefined {
    const item = watched?.table
      .items(watched.made.table)
      .find(({ pk, sk }) => isText(pk, `SERVICE#${service}`) && isText(sk, `ENVIRONMENT#${environment}`));
    const lease = item?.lease !== undefined && "M" in item.lease ? item.lease.M.owner : undefined;
    return lease !== undefined && "S" in lease ? lease.S : undefined;
  }

  /** Whether a wait is open for the build that a request names. */
  function isAwaited(input: unknown): boolean {
    const { id } = BuildCall.parse(input);
    const items = watched?.table.items(watched.made.table) ?? [];
    return items.some(
      ({ awaitedArn, openKind }) =>
        openKind !== undefined &&
        awaitedArn !== undefined &&
        "S" in awaitedArn &&
        awaitedArn.S?.endsWith(`:build/${id}`) === true,
    );
  }

  /** Whose lease it is after a write that may have taken it, or given it back. */
  async function noteLease({ request, invocation }: Call, send: () => Promise<GatewayResponse>) {
    const { Key } = Written.parse(readJson(request.body));
    const [, service = ""] = /^SERVICE#(.+)$/.exec(Key.pk.S) ?? [];
    const [, environment = ""] = /^ENVIRONMENT#(.+)$/.exec(Key.sk.S) ?? [];
    const before = ownerOf(service, environment);
    const answer = await send();
    const owner = ownerOf(service, environment);
    if (owner !== undefined && owner !== before)
      history.add({ kind: "lease", service, environment, owner, before });
    if (owner === undefined && before !== undefined && answer.status < 300)
      history.add({ kind: "freed", service, environment, before, execution: invocation?.execution });
    return answer;
  }

  /** What is given an end on record, once that is written. */
  async function noteEnd({ request, invocation }: Call, send: () => Promise<GatewayResponse>) {
    const { Key } = Written.parse(readJson(request.body));
    const answer = await send();
    if (answer.status < 300)
      history.add({
        kind: "closed",
        record: `${Key.pk.S} ${Key.sk.S}`,
        by: invocation?.name ?? "somebody",
      });
    return answer;
  }

  return {
    async call(call, send) {
      const { operation, invocation, request } = call;
      if (operation === "DynamoDB_20120810.UpdateItem" && isAboutALease(call)) return noteLease(call, send);
      if (operation === "DynamoDB_20120810.UpdateItem" && isAboutAnEnd(call)) return noteEnd(call, send);
      if (!changing.has(operation) || invocation === undefined) return send();
      const input: unknown = readJson(request.body);
      const holder = holderOf(input);
      const stops = operation.endsWith(".StopBuild") ? { isAwaited: isAwaited(input) } : {};
      const answer = await send();
      if (answer.status < 300)
        history.add({
          kind: "call",
          operation,
          by: invocation.name,
          execution: invocation.execution,
          input,
          answer: JSON.parse(new TextDecoder().decode(answer.body) || "{}"),
          holder,
          ...stops,
        });
      return answer;
    },
    watch(world) {
      watched = world;
    },
  };
}

/** Whether a write takes a lease or gives one back. */
function isAboutALease({ invocation, request }: Call): boolean {
  if (invocation?.name === "AcquireLease") return true;
  const frees = invocation?.name === "ReleaseLease" || invocation?.name === "Reconcile";
  // Why a lease ended is written with it, and never else.
  return frees && new TextDecoder().decode(request.body).includes('"freed"');
}

/** Whether a write gives a release or a deployment its end. */
function isAboutAnEnd({ request: { body } }: Call): boolean {
  if (!Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes('"endedAt"')) return false;
  const { ExpressionAttributeNames = {} } = Named.parse(readJson(body));
  return Object.values(ExpressionAttributeNames).includes("endedAt");
}

function isText(value: object | undefined, text: string): boolean {
  return value !== undefined && "S" in value && value.S === text;
}
