import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { SpillwayError } from "../core/errors.ts";
import { clientOf } from "./clients.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

/** What Spillway says on its own bus. */
export function connectEvents({ client }: Connection) {
  const events = clientOf(EventBridgeClient, client);
  return {
    /** Puts one event of the source `spillway` on a bus. @throws SpillwayError AwsFault if the bus did not take it. */
    async put(bus: string, detailType: string, detail: object): Promise<void> {
      const { Entries = [] } = await call("put an event", () =>
        events.send(
          new PutEventsCommand({
            Entries: [
              {
                EventBusName: bus,
                Source: "spillway",
                DetailType: detailType,
                Detail: JSON.stringify(detail),
              },
            ],
          }),
        ),
      );
      const refused = Entries.find(({ ErrorCode }) => ErrorCode !== undefined);
      if (refused !== undefined)
        throw new SpillwayError("AwsFault", `put an event: ${refused.ErrorCode}: ${refused.ErrorMessage}`);
    },
  };
}
