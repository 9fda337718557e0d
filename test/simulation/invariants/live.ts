import { ofKind } from "../history.ts";
import type { Ended, Invariant } from "./all.ts";
import { changesOf, describeChange } from "./changes.ts";

/** The order of the builds by the digest of their images. */
function sequencesOf({ history }: Ended): Map<string, number> {
  return new Map(ofKind(history, "push").map(({ push, digest }) => [digest, push.behaviour.sequence ?? 0]));
}

/** A deployment that is not a rollback never brings what is older than what serves well. */
export const neverOlder: Invariant = (ended) => {
  const sequences = sequencesOf(ended);
  const { history, records } = ended;
  const sequenceOf = (image: string) => sequences.get(image.split("@").at(-1) ?? "") ?? 0;
  const newest = new Map<string, number>();
  const says: string[] = [];
  for (const change of changesOf(history)) {
    if (change.kind !== "target") continue;
    const place = `${change.service}/${change.environment}`;
    const own = records.deployments.find(({ executionArn }) => executionArn === change.execution);
    const sequence = sequenceOf(change.what);
    const isForward = change.by === "StartDeployment" && own?.intent !== "rollback";
    if (isForward && sequence < (newest.get(place) ?? 0))
      says.push(`${describeChange(change)} is older than ${newest.get(place)}, which was live`);
    // What a deployment went well with is what the next is held to; a way back lowers it.
    if (own?.outcome === "Released" && change.by === "StartDeployment") newest.set(place, sequence);
  }
  return says;
};

/** A rollback that fails is left to a person; what brings back is not itself brought back. */
export const noRollbackOfARollback: Invariant = ({ history, records }) => {
  const back = changesOf(history).filter(({ kind, by }) => kind === "target" && by === "RollBack");
  return back.flatMap((change) => {
    const own = records.deployments.find(({ executionArn }) => executionArn === change.execution);
    const others = back.filter(({ execution }) => execution === change.execution);
    if (own?.intent === "rollback") return [`${describeChange(change)} takes a rollback back`];
    return others.length > 1 && others[0] !== change
      ? [`${describeChange(change)} is its second way back`]
      : [];
  });
};

/** What an environment has on record as live answers at its address, unless a person has to look there. */
export const liveIsTrue: Invariant = ({ history, records }) => {
  const serving = new Map<string, string | undefined>();
  const urls = urlsOf(history);
  for (const { url, image } of ofKind(history, "serves")) serving.set(url, image);
  return records.environments.flatMap(({ service, environment, live, frozen }) => {
    const url = urls.get(`${service}/${environment}`);
    if (live === undefined || frozen !== undefined || url === undefined) return [];
    const image = serving.get(url);
    return image === live.image.uri
      ? []
      : [
          `${service} in ${environment}: ${live.release} is on record as live, but ${image ?? "nothing"} serves`,
        ];
  });
};

/** In these worlds nobody changes a target but Spillway, so nobody is woken because somebody did. */
export const noFalseDrift: Invariant = ({ history }) =>
  ofKind(history, "call")
    .filter(({ operation, by }) => operation === "AWSEvents.PutEvents" && by === "FindDrift")
    .map(({ at, input }) => `at ${at / 1000} s: ${JSON.stringify(input)}`);

/** Place → the address of its target, as App Runner gave it. */
export function urlsOf(history: Ended["history"]): Map<string, string> {
  const urls = new Map<string, string>();
  for (const { operation, answer } of ofKind(history, "call")) {
    if (!operation.startsWith("AppRunner.")) continue;
    const text = JSON.stringify(answer);
    const [, service, environment] = /"ServiceName":"spillway-(\w+)-(staging|production)"/.exec(text) ?? [];
    const [, url] = /"ServiceUrl":"([^"]+)"/.exec(text) ?? [];
    if (url !== undefined) urls.set(`${service}/${environment}`, url.includes("://") ? url : `http://${url}`);
  }
  return urls;
}
