import { connectFunctionUrls } from "../../aws/function-url.ts";
import type { SimulatedWorld } from "./world.ts";

/** What the operator's door answered. */
export interface DoorAnswer {
  readonly status: number;
  readonly done?: string;
  readonly error?: string;
  readonly message?: string;
}

/** A person at the operator's door: signs with real signatures, as a user of that name. */
export function createOperator(world: SimulatedWorld, name: string) {
  const ask: typeof fetch = async (target, { method = "GET", headers = {}, body = "" } = {}) => {
    const { pathname, searchParams } = new URL(String(target));
    const answer = await world.aws.gateway.handle({
      method,
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: Object.fromEntries(new Headers(headers)),
      body: new TextEncoder().encode(String(body)),
    });
    return new Response(Buffer.from(answer.body), { status: answer.status });
  };
  const credentials = { accessKeyId: name, secretAccessKey: "local" };
  const urls = connectFunctionUrls({
    ...world.connection,
    fetch: ask,
    client: { ...world.connection.client, credentials },
  });

  /** Sends a body as it is. */
  async function send(body: string): Promise<DoorAnswer> {
    const door = await urls.find("spillway-Operate");
    const { status, body: text } = await urls.post(door, body);
    return { status, ...readAnswer(text) };
  }

  return {
    send: (body: string) => world.clock.runUntil(send(body)),
    /** Asks for one action while the world goes on. */
    request: (request: object) => send(JSON.stringify(request)),
    /** Asks for one action. */
    ask: (request: object) => world.clock.runUntil(send(JSON.stringify(request))),
  };
}

/** A function that was killed answers with no JSON. */
function readAnswer(text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch {
    return { message: text };
  }
}
