import { GetFunctionUrlConfigCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { afterEach, describe, expect, it } from "vitest";
import { connectFunctionUrls } from "../../../aws/function-url.ts";
import { createRealClock } from "../../../local/asl/real-clock.ts";
import { createGateway } from "../../../local/gateway.ts";
import { type ListeningGateway, listen } from "../../../local/http.ts";
import { createIam } from "../../../local/iam/index.ts";
import { createFunctionUrlDoor } from "../../../local/lambda/function-url.ts";

const clock = createRealClock();
const accountId = "000000000000";
const { identify } = createIam({ clock, random: Math.random, accountId });
const open: ListeningGateway[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

type Event = APIGatewayProxyEventV2 & {
  requestContext: { authorizer: { iam: { userArn: string; accessKey: string } } };
};

/** A gateway with one function that has a URL and one that has none. */
async function serve(answer: (event: Event) => unknown) {
  const events: Event[] = [];
  const version = (name: string, functionUrl?: "AWS_IAM") => ({
    ...{
      name,
      functionUrl,
      version: "3",
      bundle: "",
      environment: {},
      timeoutSeconds: 3,
      memoryMegabytes: 128,
    },
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}:3`,
  });
  const door = createFunctionUrlDoor(
    { clock, accountId, endpoint: () => listening.url },
    {
      functionArn: (name) => name,
      list: () => [version("Operate", "AWS_IAM"), version("Reconcile")],
      invoke: async (_name, payload) => {
        events.push(JSON.parse(payload));
        try {
          return { payload: JSON.stringify(await answer(JSON.parse(payload))), executedVersion: "3" };
        } catch {
          return { payload: "{}", functionError: "Unhandled", executedVersion: "3" };
        }
      },
    },
  );
  const listening = await listen(createGateway([], { clock, random: Math.random, doors: [door], identify }), {
    port: 0,
  });
  open.push(listening);
  const connect = (accessKeyId: string) => ({
    now: clock.now,
    fetch,
    client: {
      endpoint: listening.url,
      region: "us-east-1",
      maxAttempts: 1,
      credentials: { accessKeyId, secretAccessKey: "local" },
    },
  });
  return { events, url: listening.url, as: (key: string) => connectFunctionUrls(connect(key)), connect };
}

describe("a function URL with AuthType AWS_IAM", () => {
  it("is found by the function's name, and hands over who signed, in payload format 2.0", async () => {
    const { events, as } = await serve(() => ({ statusCode: 201, headers: { "X-Here": 1 }, body: "made" }));
    const urls = as("ada");
    const url = await urls.find("Operate");
    expect(await urls.post(new URL("one/two?b=2", url), '{"ö":"😀"}')).toEqual({ status: 201, body: "made" });
    expect(events).toMatchObject([
      {
        version: "2.0",
        routeKey: "$default",
        rawPath: "/one/two",
        rawQueryString: "b=2",
        queryStringParameters: { b: "2" },
        headers: { "content-type": "application/json" },
        body: '{"ö":"😀"}',
        isBase64Encoded: false,
        requestContext: {
          accountId: "000000000000",
          http: { method: "POST", path: "/one/two", protocol: "HTTP/1.1", sourceIp: "127.0.0.1" },
          authorizer: {
            iam: {
              accessKey: "ada",
              userArn: "arn:aws:iam::000000000000:user/ada",
              accountId: "000000000000",
            },
          },
        },
      },
    ]);
    expect(events[0]?.headers).not.toHaveProperty("authorization");
  });

  it("knows what everything on a laptop signs with, and what could be nobody's name, as the account", async () => {
    const { events, as } = await serve(() => ({ done: true }));
    for (const key of ["local", "x".repeat(65)]) {
      const urls = as(key);
      expect(await urls.post(await urls.find("Operate"), "{}")).toEqual({
        status: 200,
        body: '{"done":true}',
      });
    }
    for (const { requestContext } of events)
      expect(requestContext.authorizer.iam.userArn).toBe("arn:aws:iam::000000000000:root");
  });

  it("hands over in base64 what is no text, and nothing where there is no body", async () => {
    const { events, url } = await serve(() => ({ statusCode: 204 }));
    const authorization =
      "AWS4-HMAC-SHA256 Credential=ada/20260101/us-east-1/lambda/aws4_request, Signature=00";
    const door = `${url}/lambda-url/Operate/`;
    const headers = { authorization, "content-type": "application/octet-stream" };
    await fetch(door, { method: "POST", headers, body: new Uint8Array([255, 0, 1]) });
    await fetch(door, { headers: { authorization } });
    expect(events[0]).toMatchObject({ body: "/wAB", isBase64Encoded: true });
    expect(events[1]).toMatchObject({ isBase64Encoded: false, requestContext: { http: { method: "GET" } } });
    expect(events[1]).not.toHaveProperty("body");
  });

  it("answers 502 for a function that failed, as AWS does, without saying how", async () => {
    const { as } = await serve(() => {
      throw new Error("a secret");
    });
    const urls = as("ada");
    expect(await urls.post(await urls.find("Operate"), "{}")).toEqual({
      status: 502,
      body: "Internal Server Error",
    });
  });

  it("lets nobody in who has not signed, who comes by another name, or whom a web page sends", async () => {
    const { events, url } = await serve(() => ({ statusCode: 200 }));
    const door = `${url}/lambda-url/Operate/`;
    const authorization =
      "AWS4-HMAC-SHA256 Credential=ada/20260101/us-east-1/lambda/aws4_request, Signature=00";
    const statuses = await Promise.all([
      fetch(door, { method: "POST" }),
      fetch(door, { method: "POST", headers: { authorization: "Bearer ada" } }),
      fetch(door, { method: "POST", headers: { authorization, origin: "https://example.com" } }),
      fetch(door, { method: "POST", headers: { authorization, "sec-fetch-site": "cross-site" } }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect(events).toEqual([]);
  });

  it("is none for a function that was given none", async () => {
    const { url, connect } = await serve(() => ({ statusCode: 200 }));
    const { client } = connect("ada");
    const asked = new LambdaClient(client).send(
      new GetFunctionUrlConfigCommand({ FunctionName: "Reconcile" }),
    );
    await expect(asked).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    expect((await fetch(`${url}/lambda-url/Reconcile/`, { method: "POST" })).status).toBe(404);
  });
});
