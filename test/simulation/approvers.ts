import * as z from "zod/mini";
import { sleep } from "../../local/asl/index.ts";
import { readJson } from "../../local/json-body.ts";
import { askAtTheDoor } from "./at-the-door.ts";
import { type History, ofKind } from "./history.ts";
import type { Plan } from "./plan.ts";
import type { Call } from "./seams.ts";
import type { SimulatedWorld } from "./world.ts";

const Put = z.object({ Entries: z.array(z.object({ DetailType: z.string(), Detail: z.string() })) });
const Wanted = z.object({
  service: z.string(),
  environment: z.string(),
  release: z.string(),
  digest: z.string(),
  expiresAt: z.string(),
});
/** An approval that people are asked for. */
export type Wanted = z.infer<typeof Wanted>;

/** The approvals that a call asks people for, on Spillway's own bus. */
export function wantedBy({ operation, request }: Call): Wanted[] {
  return operation === "AWSEvents.PutEvents" ? wantedIn(readJson(request.body)) : [];
}

/** The same, of the input of a call that puts events. */
export function wantedIn(input: unknown): Wanted[] {
  return Put.parse(input)
    .Entries.filter(({ DetailType }) => DetailType === "Approval Requested")
    .map(({ Detail }) => Wanted.parse(JSON.parse(Detail)));
}

/** Has those of the plan who have something to say about an image say it, each after a while, whenever they are asked. */
export function haveAnswered(
  world: SimulatedWorld,
  plan: Plan,
  history: History,
  { service, environment, release, digest }: Omit<Wanted, "expiresAt">,
): void {
  const tags = ofKind(history.effects, "push")
    .filter((push) => push.digest === digest)
    .map(({ push }) => push.tag);
  for (const deed of plan.deeds)
    if (deed.does === "answer" && deed.service === service && tags.includes(deed.tag))
      void sleep(world.clock, deed.at * 1000).then(async () => {
        const asked = { who: deed.who, action: deed.says, service, environment, release, digest };
        const answer = await askAtTheDoor(world, asked, history.add);
        history.add({ kind: "deed", deed, answer });
      });
}
