import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFrontDesk, type Front } from "../../local/apprunner/front.ts";
import { createRealClock } from "../../local/asl/real-clock.ts";
import { createRuntimeApi, type RuntimeApi } from "../../local/lambda/runtime-api.ts";
import { type Laptop, startLaptop } from "../../local/laptop.ts";

// A web page that a person has open may send requests to every port of that person's machine. None of ours is for it.

const clock = createRealClock();
let folder: string;
let laptop: Laptop;
let front: Front;
let runtime: RuntimeApi;
let runtimeUrl: string;
const faults: string[] = [];
const service = createServer((_, response) => response.end("of the service"));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-pages-"));
  laptop = await startLaptop({
    ...{ clock, folder, port: 0, sources: () => undefined, path: "", network: {}, onEvent: () => {} },
    onFault: (where) => void faults.push(where),
  });
  front = await createFrontDesk(clock).open();
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  const address = service.address();
  front.switchTo(typeof address === "object" ? address?.port : undefined);
  runtime = await createRuntimeApi();
  runtimeUrl = `http://${runtime.serve("sandbox", { onNext: () => {}, onInitError: () => {}, onResult: () => {} })}`;
});
afterAll(async () => {
  await front.close();
  await runtime.close();
  await laptop.stop();
  service.closeAllConnections();
  service.close();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Asks with exactly these headers: fetch would write the Host header itself. */
function ask(url: string, method: string, headers: Record<string, string>, body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    asked.on("error", reject).end(body);
  });
}

const paths = [
  "/",
  "/v2/",
  "/v2/web/blobs/uploads/",
  "/lambda-url/spillway-Operate/",
  "/2015-03-31/functions/spillway-Reconcile/invocations",
  "/2021-10-31/functions/spillway-Operate/url",
  `/ecr-layers/sha256:${"0".repeat(64)}`,
  "/nothing",
];
const methods = ["GET", "POST", "PUT", "OPTIONS"];
const path = fc.constantFrom(...paths);
const method = fc.constantFrom(...methods);
const permissive = ({ headers }: Answer) =>
  Object.keys(headers).filter((name) => name.startsWith("access-control-"));

describe("a page whose name resolves to this machine (DNS rebinding)", () => {
  const others = (port: string) => [
    "attacker.example",
    `attacker.example:${port}`,
    `127.0.0.1.nip.io:${port}`,
    `localhost.attacker.example:${port}`,
    `localhost.:${port}`,
    `127.0.0.1.:${port}`,
    `[::1]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `0.0.0.0:${port}`,
    `2130706433:${port}`,
    `127.1:${port}`,
    `127.0.0.1:${Number(port) + 1}`,
    "127.0.0.1",
    "localhost",
    `attacker.example@127.0.0.1:${port}`,
    `127.0.0.1:${port}, attacker.example`,
    `127.0.0.1:${port}/attacker.example`,
  ];

  it.each(["the gateway", "the front of a service", "the runtime of functions"])(
    "is answered by none of its names, at %s",
    async (door) => {
      const base = { "the gateway": laptop.url, "the front of a service": front.url }[door] ?? runtimeUrl;
      const { origin, port } = new URL(base);
      const real = { host: `127.0.0.1:${port}` };
      for (const host of others(port)) {
        const headers = { host, "x-forwarded-host": real.host, forwarded: `host=${real.host}` };
        const answer = await ask(`${origin}/`, "GET", headers);
        expect(answer.status, host).toBeGreaterThanOrEqual(400);
        expect(answer.status, host).toBeLessThanOrEqual(403);
        expect(answer.body, host).not.toContain("of the service");
      }
      // What a proxy forwarded does not count in the other direction, either.
      const forwarded = { ...real, "x-forwarded-host": "attacker.example" };
      expect((await ask(`${origin}/`, "GET", forwarded)).status).not.toBe(403);
    },
  );

  it("is refused at every path of the gateway, whatever the method", async () => {
    const { port } = new URL(laptop.url);
    const host = fc.oneof(
      fc.constantFrom(...others(port)),
      fc.domain().map((name) => `${name}:${port}`),
      fc.ipV6().map((name) => `[${name}]:${port}`),
    );
    await fc.assert(
      fc.asyncProperty(method, path, host, async (verb, target, name) => {
        const answer = await ask(laptop.url + target, verb, { host: name });
        expect([400, 403], `${verb} ${target} ${name}`).toContain(answer.status);
        expect(permissive(answer)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("reaches no path by an address in the request line", async () => {
    const { port } = new URL(laptop.url);
    const answer = await speak(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: attacker.example\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });
});

describe("a page of another site", () => {
  it("is refused at every path, in each way in which a browser tells of it", async () => {
    const { host } = new URL(laptop.url);
    const told = fc.oneof(
      fc
        .oneof(
          fc.webUrl(),
          fc.constantFrom(
            "null",
            "file://",
            "http://localhost",
            "https://127.0.0.1",
            `https://${host}`,
            `http://${host}.attacker.example`,
            `http://attacker.example/${host}`,
          ),
        )
        .map((origin) => ({ origin })),
      fc.constantFrom("cross-site", "same-site", "sibling").map((site) => ({ "sec-fetch-site": site })),
    );
    const types = fc.constantFrom(
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/x-amz-json-1.0",
    );
    const bodies = fc.constantFrom(
      "",
      "{}",
      "Action=AssumeRole&Version=2011-06-15&RoleArn=a&RoleSessionName=ab",
      '{"stateMachineArn":"a"}',
    );
    await fc.assert(
      fc.asyncProperty(method, path, told, types, bodies, async (verb, target, teller, type, body) => {
        const preflight = {
          "access-control-request-method": "POST",
          "access-control-request-headers": "x-amz-target",
        };
        const headers = { host, "content-type": type, ...preflight, ...teller };
        const answer = await ask(laptop.url + target, verb, headers, verb === "GET" ? "" : body);
        expect(answer.status, JSON.stringify([verb, target, headers])).toBe(403);
        expect(JSON.parse(answer.body).__type).toBe("AccessDeniedException");
        expect(permissive(answer)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("is never told that it may read an answer, even to a request that says nothing of its origin", async () => {
    const { host } = new URL(laptop.url);
    for (const target of paths)
      for (const verb of methods) {
        const answer = await ask(laptop.url + target, verb, { host });
        expect(permissive(answer), `${verb} ${target}`).toEqual([]);
      }
  });
});

/** Writes bytes to the port. @returns what came back until the connection ended; undefined if nothing ended it. */
function speak(bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(laptop.url).port), "127.0.0.1");
    let heard = "";
    socket.on("data", (chunk: Buffer) => {
      heard += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(heard));
    socket.end(bytes);
  });
}

describe("a client that speaks no HTTP, or too much of it", () => {
  it("is answered or let go, and the next one is served", async () => {
    const { host } = new URL(laptop.url);
    const head = `POST / HTTP/1.1\r\nHost: ${host}\r\n`;
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: "binary", maxLength: 100 }),
      fc.constantFrom(
        "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        `GET // HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        `GET http:// HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        `OPTIONS * HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        `CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
        `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
        `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: attacker.example\r\nConnection: close\r\n\r\n`,
        `${head}Content-Length: 10\r\n\r\n{`,
        `${head}Content-Length: -1\r\n\r\n`,
        `${head}Content-Length: 99999999999999999999\r\n\r\n`,
        `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        `${head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n`,
        `${head}Expect: something\r\n\r\n`,
        `${head}X: ${"x".repeat(100_000)}\r\n\r\n`,
        `${head}${"X: y\r\n".repeat(5_000)}\r\n`,
        `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      ),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (said) => {
        expect(await speak(said)).toMatch(/^(HTTP\/1\.1 (4\d\d|501) |$)/);
      }),
      { numRuns: 150 },
    );
    expect((await ask(laptop.url, "POST", { host })).status).toBe(404);
    expect(faults).toEqual([]);
  });
});
