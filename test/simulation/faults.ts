import { type Clock, sleep } from "../../local/asl/index.ts";
import type { GatewayResponse } from "../../local/gateway.ts";
import type { ServiceEvent } from "../../local/world.ts";
import { createDice, type Dice } from "./dice.ts";
import type { Invocation } from "./invocations.ts";
import type { FaultPlan } from "./plan.ts";
import type { Call, Seams } from "./seams.ts";

/** A fault that happened: where, the how-manieth of its kind there, and what it was. */
export interface Fault {
  /** `AcquireLease DynamoDB_20120810.UpdateItem 3`: the same in every run of the plan. */
  readonly place: string;
  readonly what: string;
}

/** The faults of a plan, put between the parts of a world. */
export interface Faults extends Required<Pick<Seams, "call" | "event" | "skew" | "index" | "begin">> {
  readonly happened: readonly Fault[];
  /** How many events are still on their way. */
  late(): number;
}

const callFaults = [
  "throttled",
  "failed before taking effect",
  "failed after taking effect",
  "asked twice, because the first answer was lost",
  "answered late",
  "done late",
  "killed before",
  "killed after",
] as const;

/**
 * App Runner's operations take no client token, so nothing can tell one that it takes up when its caller is gone from
 * the retry's: docs/reliability.md does not promise it.
 */
const noTokenOf = (operation: string) => operation.startsWith("AppRunner.");

/** Not long, and longer than any of our functions may take. */
const lateSeconds = [10, 70] as const;

/** A service that promises to deliver its events; the others do their best. */
const durable: ReadonlySet<string> = new Set(["aws.ecs"]);

/**
 * Draws the faults of a world. Each is drawn by the place where it would happen and not by the order of all calls,
 * so that the rest stays as it was when one of them is left out.
 * @param told of each as it happens.
 */
export function createFaults(
  clock: Clock,
  seed: number,
  plan: FaultPlan,
  told: (fault: Fault) => void,
): Faults {
  const counts = new Map<string, number>();
  const happened: Fault[] = [];
  const start = clock.now();
  let onTheirWay = 0;

  /** The dice of a place if a fault is due there. */
  function draw(where: string, share: number): { place: string; dice: Dice } | undefined {
    const nth = (counts.get(where) ?? 0) + 1;
    counts.set(where, nth);
    const place = `${where} ${nth}`;
    if (plan.only !== undefined && !plan.only.includes(place)) return undefined;
    const dice = createDice(`${seed} ${place}`);
    const due = dice.chance(share) && clock.now() - start < plan.until * 1000;
    return due ? { place, dice } : undefined;
  }

  function note(place: string, what: string): void {
    const fault = { place, what };
    happened.push(fault);
    told(fault);
  }

  /** What happens to a function instead, as long as it has bad luck. */
  function badLuckOf({ name }: Invocation): FaultPlan["unlucky"] {
    const { from = 0, until = plan.until } = plan.unlucky ?? {};
    const seconds = (clock.now() - start) / 1000;
    return plan.unlucky?.function === name && seconds >= from && seconds < until ? plan.unlucky : undefined;
  }

  function begin(invocation: Invocation): void {
    const { invocations = 0 } = badLuckOf(invocation) ?? {};
    const due = invocations === 0 ? undefined : draw(invocation.name, invocations);
    if (due === undefined) return;
    note(due.place, "killed as it begins");
    invocation.kill();
  }

  async function call(made: Call, send: () => Promise<GatewayResponse>): Promise<GatewayResponse> {
    const { invocation, operation } = made;
    if (invocation === undefined) return send();
    const unlucky = badLuckOf(invocation);
    const badLuck = isMeant(made, unlucky) ? unlucky : undefined;
    const share = badLuck?.calls ?? plan.calls;
    const due = draw(`${invocation.name} ${operation}`, share);
    if (due === undefined) return send();
    const may = callFaults.filter((one) => badLuck?.faults?.includes(one) ?? true);
    const fault = due.dice.of(may) ?? "throttled";
    const late = badLuck?.lateSeconds ?? lateSeconds;
    note(due.place, fault);
    switch (fault) {
      case "throttled":
        return refuse(400, "ThrottlingException", "Rate exceeded");
      case "failed before taking effect":
        return refuse(500, "InternalServerError", "Internal failure");
      case "failed after taking effect":
        await send();
        return refuse(500, "InternalServerError", "Internal failure");
      case "asked twice, because the first answer was lost":
        await send();
        return send();
      case "answered late": {
        const answer = await send();
        await sleep(clock, due.dice.one(...late) * 1000);
        return answer;
      }
      case "done late":
        await sleep(clock, (noTokenOf(operation) ? 10 : due.dice.one(...late)) * 1000);
        return send();
      case "killed before":
        invocation.kill();
        return never();
      case "killed after":
        await send();
        invocation.kill();
        return never();
    }
  }

  function event(emitted: ServiceEvent, deliver: () => void): void {
    const due = draw(`${emitted.source} ${emitted["detail-type"]}`, plan.events);
    if (due === undefined) {
      deliver();
      return;
    }
    const { place, dice } = due;
    const fault = durable.has(emitted.source)
      ? dice.one("doubled", "late")
      : dice.one("lost", "doubled", "late");
    note(place, fault);
    if (fault === "lost") return;
    if (fault === "doubled") deliver();
    onTheirWay++;
    clock.after(dice.one(1, 20, 200, 1200) * 1000, () => {
      onTheirWay--;
      deliver();
    });
  }

  return {
    happened,
    late: () => onTheirWay,
    call,
    event,
    begin,
    skew: ({ name }) => createDice(`${seed} skew ${name}`).between(-plan.skew, plan.skew + 1),
    index(apply) {
      const lag = createDice(`${seed} lag ${clock.now()}`).between(0, plan.indexLag + 1);
      if (lag === 0) apply();
      else clock.after(lag, apply);
    },
  };
}

function isMeant(
  { operation, request }: Call,
  { operations, about }: Pick<NonNullable<FaultPlan["unlucky"]>, "operations" | "about"> = {},
): boolean {
  const isOne = operations?.some((one) => operation.endsWith(`.${one}`)) ?? true;
  return isOne && (about === undefined || new TextDecoder().decode(request.body).includes(about));
}

/** What a process waits for that is gone. */
function never(): Promise<never> {
  return new Promise(() => {});
}

/** What AWS answers when it refuses a call, or fails. */
export function refuse(status: number, type: string, message: string): GatewayResponse {
  return {
    status,
    headers: { "content-type": "application/x-amz-json-1.0", "x-amzn-errortype": type },
    body: new TextEncoder().encode(JSON.stringify({ __type: type, message })),
  };
}
