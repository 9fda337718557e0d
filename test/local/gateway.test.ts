import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, createServer } from "node:net";
import * as apprunner from "@aws-sdk/client-apprunner";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as codebuild from "@aws-sdk/client-codebuild";
import * as ecr from "@aws-sdk/client-ecr";
import * as ecs from "@aws-sdk/client-ecs";
import * as eventbridge from "@aws-sdk/client-eventbridge";
import {
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  ResourceNotFoundException,
} from "@aws-sdk/client-lambda";
import * as secrets from "@aws-sdk/client-secrets-manager";
import * as sfn from "@aws-sdk/client-sfn";
import { afterEach, describe, expect, it } from "vitest";
import { createRealClock } from "../../local/asl/real-clock.ts";
import { createVirtualClock } from "../../local/asl/virtual-clock.ts";
import { createGateway, type GatewayOptions } from "../../local/gateway.ts";
import { createRequestHandler } from "../../local/handover.ts";
import { type ListeningGateway, listen, PortInUseError } from "../../local/http.ts";
import { createIam } from "../../local/iam/index.ts";
import { createInvokeDoor } from "../../local/invoke-door.ts";
import { AwsError, type Operation, type Service } from "../../local/service.ts";
import { createStsDoor } from "../../local/sts.ts";

const clock = createRealClock();
const options: GatewayOptions = { clock, random: () => 0.5 };
const open: ListeningGateway[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function serve(services: readonly Service[], more: Partial<GatewayOptions> = {}) {
  const listening = await listen(createGateway(services, { ...options, ...more }), { port: 0 });
  open.push(listening);
  return listening;
}

const client = (endpoint: string) => ({
  endpoint,
  region: "eu-central-1",
  maxAttempts: 1,
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
});

const started = new Date("2026-11-24T00:00:00.250Z");

function stepFunctions(): Service {
  const DescribeExecution: Operation<
    sfn.DescribeExecutionCommandInput,
    sfn.DescribeExecutionCommandOutput
  > = (input) => {
    if (input.executionArn?.endsWith("missing")) {
      throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${input.executionArn}'`);
    }
    return {
      executionArn: input.executionArn,
      stateMachineArn: "arn:aws:states:eu-central-1:000000000000:stateMachine:release",
      status: "RUNNING",
      startDate: started,
      input: '{"ö":"😀"}',
    };
  };
  const StopExecution: Operation<sfn.StopExecutionCommandInput, sfn.StopExecutionCommandOutput> = () => {
    throw new RangeError("a fault of our own");
  };
  return {
    target: "AWSStepFunctions",
    protocol: "json1.0",
    schemas: sfn,
    operations: { DescribeExecution, StopExecution },
  };
}

async function post(url: string, headers: Record<string, string>, body: string | Uint8Array) {
  const answer = await fetch(url, { method: "POST", headers, body });
  return { status: answer.status, headers: answer.headers, json: JSON.parse(await answer.text()) };
}

const target = (operation: string) => ({ "x-amz-target": `AWSStepFunctions.${operation}` });

describe("the gateway and real SDK clients over HTTP", () => {
  it("reads and writes by the client's own schemas, dates included", async () => {
    const { url } = await serve([stepFunctions()]);
    const answer = await new sfn.SFNClient(client(url)).send(
      new sfn.DescribeExecutionCommand({ executionArn: "arn:x" }),
    );
    expect(answer.startDate).toEqual(started);
    expect(answer.input).toBe('{"ö":"😀"}');
    expect(answer.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("answers errors that the client makes its own typed exceptions of", async () => {
    const { url } = await serve([stepFunctions()]);
    const asked = new sfn.SFNClient(client(url)).send(
      new sfn.DescribeExecutionCommand({ executionArn: "missing" }),
    );
    await expect(asked).rejects.toBeInstanceOf(sfn.ExecutionDoesNotExist);
    await expect(asked).rejects.toThrow("Execution Does Not Exist: 'missing'");
  });

  it("fills the message also of exceptions that call it Message", async () => {
    const DescribeService: Operation<
      apprunner.DescribeServiceCommandInput,
      apprunner.DescribeServiceCommandOutput
    > = () => {
      throw new AwsError("InvalidStateException", "Service status must be RUNNING.");
    };
    const { url } = await serve([
      { target: "AppRunner", protocol: "json1.0", schemas: apprunner, operations: { DescribeService } },
    ]);
    const error = await new apprunner.AppRunnerClient(client(url))
      .send(new apprunner.DescribeServiceCommand({ ServiceArn: "arn" }))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(apprunner.InvalidStateException);
    expect(error).toMatchObject({ message: "Service status must be RUNNING." });
  });

  it("carries blobs", async () => {
    const UploadLayerPart: Operation<ecr.UploadLayerPartCommandInput, ecr.UploadLayerPartCommandOutput> = (
      input,
    ) => ({
      repositoryName: input.repositoryName,
      lastByteReceived: (input.layerPartBlob?.at(-1) ?? 0) + (input.layerPartBlob?.length ?? 0),
    });
    const { url } = await serve([
      {
        target: "AmazonEC2ContainerRegistry_V20150921",
        protocol: "json1.1",
        schemas: ecr,
        operations: { UploadLayerPart },
      },
    ]);
    const answer = await new ecr.ECRClient(client(url)).send(
      new ecr.UploadLayerPartCommand({
        repositoryName: "web",
        uploadId: "u",
        partFirstByte: 0,
        partLastByte: 2,
        layerPartBlob: new Uint8Array([0, 255, 7]),
      }),
    );
    expect(answer.lastByteReceived).toBe(10);
  });

  it("names an operation that AWS has and the local AWS lacks, for every client", async () => {
    const empty = (name: string, protocol: Service["protocol"], schemas: object): Service => ({
      target: name,
      protocol,
      schemas,
      operations: {},
    });
    const { url } = await serve([
      empty("AWSStepFunctions", "json1.0", sfn),
      empty("AppRunner", "json1.0", apprunner),
      empty("AmazonEC2ContainerServiceV20141113", "json1.1", ecs),
      empty("CodeBuild_20161006", "json1.1", codebuild),
      empty("AmazonEC2ContainerRegistry_V20150921", "json1.1", ecr),
      empty("AWSEvents", "json1.1", eventbridge),
      empty("secretsmanager", "json1.1", secrets),
      empty("Logs_20140328", "json1.1", logs),
    ]);
    const calls = [
      new sfn.SFNClient(client(url)).send(new sfn.ListActivitiesCommand({})),
      new apprunner.AppRunnerClient(client(url)).send(new apprunner.ListConnectionsCommand({})),
      new ecs.ECSClient(client(url)).send(
        new ecs.ListAttributesCommand({ targetType: "container-instance" }),
      ),
      new codebuild.CodeBuildClient(client(url)).send(new codebuild.ListReportGroupsCommand({})),
      new ecr.ECRClient(client(url)).send(new ecr.DescribeRegistryCommand({})),
      new eventbridge.EventBridgeClient(client(url)).send(new eventbridge.ListArchivesCommand({})),
      new secrets.SecretsManagerClient(client(url)).send(new secrets.GetRandomPasswordCommand({})),
      new logs.CloudWatchLogsClient(client(url)).send(new logs.DescribeQueriesCommand({})),
    ];
    const names = [
      "ListActivities",
      "ListConnections",
      "ListAttributes",
      "ListReportGroups",
      "DescribeRegistry",
      "ListArchives",
      "GetRandomPassword",
      "DescribeQueries",
    ];
    const answers = await Promise.allSettled(calls);
    expect(answers.map((answer) => answer.status)).toEqual(names.map(() => "rejected"));
    for (const [index, answer] of answers.entries()) {
      expect(answer).toMatchObject({
        reason: {
          name: "NotImplemented",
          message: expect.stringContaining(names[index] ?? ""),
          $metadata: { httpStatusCode: 501 },
        },
      });
    }
  });
});

describe("bad requests", () => {
  it.each([
    ["not JSON", "{", "SerializationException", "not JSON"],
    ["a list", "[]", "SerializationException", "not an object"],
    [
      "a wrong type",
      '{"executionArn":7}',
      "SerializationException",
      "NUMBER_VALUE can not be converted to a String at 'executionArn'",
    ],
    [
      "a missing member",
      "{}",
      "ValidationException",
      "1 validation error detected: Value null at 'executionArn' failed to satisfy constraint: Member must not be null",
    ],
  ])("answers %s", async (_, body, name, message) => {
    const { url } = await serve([stepFunctions()]);
    const answer = await post(url, target("DescribeExecution"), body);
    expect(answer.status).toBe(400);
    expect(answer.json.__type).toBe(name);
    expect(answer.json.message).toContain(message);
    expect(answer.headers.get("x-amzn-errortype")).toBe(name);
  });

  it("names what is missing deep inside", async () => {
    const PutTargets: Operation<
      eventbridge.PutTargetsCommandInput,
      eventbridge.PutTargetsCommandOutput
    > = () => ({
      FailedEntryCount: 0,
      FailedEntries: [],
    });
    const { url } = await serve([
      { target: "AWSEvents", protocol: "json1.1", schemas: eventbridge, operations: { PutTargets } },
    ]);
    const answer = await post(
      url,
      { "x-amz-target": "AWSEvents.PutTargets" },
      JSON.stringify({ Rule: "r", Targets: [{ Id: "1", Arn: "a" }, { Id: "2" }] }),
    );
    expect(answer.json.message).toContain("Value null at 'targets.2.member.arn'");
    const withGap = await post(
      url,
      { "x-amz-target": "AWSEvents.PutTargets" },
      JSON.stringify({ Rule: "r", Targets: [null] }),
    );
    expect(withGap.status).toBe(400);
    expect(withGap.json.message).toContain("Value null at 'targets.1.member'");
  });

  it("refuses a time that no date can hold", async () => {
    const PutEvents: Operation<
      eventbridge.PutEventsCommandInput,
      eventbridge.PutEventsCommandOutput
    > = () => ({ FailedEntryCount: 0, Entries: [] });
    const { url } = await serve([
      { target: "AWSEvents", protocol: "json1.1", schemas: eventbridge, operations: { PutEvents } },
    ]);
    const put = (time: string) =>
      post(url, { "x-amz-target": "AWSEvents.PutEvents" }, `{"Entries":[{"Time":${time}}]}`);
    expect((await put("1e300")).json.__type).toBe("SerializationException");
    expect((await put("1.5")).status).toBe(200);
  });

  it.each([
    ["Nothing.Here"],
    ["AWSStepFunctions.Nonsense"],
    ["AWSStepFunctions"],
    ["AWSStepFunctions.constructor"],
  ])("answers the unknown target %s", async (name) => {
    const { url } = await serve([stepFunctions()]);
    const answer = await post(url, { "x-amz-target": name }, "{}");
    expect(answer.json.__type).toBe("UnknownOperationException");
  });

  it("answers a fault of its own as InternalFailure and reports it", async () => {
    const faults: string[] = [];
    const { url } = await serve([stepFunctions()], { onFault: (where) => faults.push(where) });
    const answer = await post(url, target("StopExecution"), '{"executionArn":"a"}');
    expect(answer.status).toBe(500);
    expect(answer.json.__type).toBe("InternalFailure");
    expect(faults).toEqual(["AWSStepFunctions.StopExecution"]);
  });

  it("refuses a body above the limit, announced or not", async () => {
    const { url } = await serve([stepFunctions()]);
    const body = new Uint8Array(32 * 1024 * 1024 + 1).fill(32);
    expect((await post(url, target("DescribeExecution"), body)).status).toBe(413);
    const sent = httpRequest(url, { method: "POST", headers: target("DescribeExecution") });
    sent.on("error", () => {});
    const answered = once(sent, "response");
    for (let part = 0; part < 33; part++) sent.write(body.subarray(0, 1024 * 1024));
    sent.end();
    const [response] = await answered;
    expect(response.statusCode).toBe(413);
    response.resume();
  });
});

describe("the listening side", () => {
  const ask = (port: number, headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      httpRequest({ port, host: "127.0.0.1", method: "POST", path: "/", headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on("error", reject)
        .end("{}");
    });

  it("serves loopback names only, and no web page of another origin", async () => {
    const { port } = await serve([stepFunctions()]);
    const good = { ...target("Nonsense"), host: `localhost:${port}` };
    expect(await ask(port, good)).toBe(400);
    expect(
      await ask(port, {
        ...good,
        host: `127.0.0.1:${port}`,
        origin: `http://127.0.0.1:${port}`,
        "sec-fetch-site": "same-origin",
      }),
    ).toBe(400);
    for (const bad of [
      { host: `attacker.example:${port}` },
      { host: "localhost" },
      { origin: "https://attacker.example" },
      { origin: "null" },
      { origin: `http://localhost:${port + 1}` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]) {
      expect(await ask(port, { ...good, ...bad }), JSON.stringify(bad)).toBe(403);
    }
  });

  it("takes the next free port unless the port was demanded", async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    const address = blocker.address();
    const taken = typeof address === "object" && address ? address.port : 0;
    const gateway = createGateway([], options);
    const failure = await listen(gateway, { port: taken, demanded: true }).catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(PortInUseError);
    expect(String(failure)).toContain(`Port ${taken}`);
    const listening = await listen(gateway, { port: taken });
    open.push(listening);
    expect(listening.port).not.toBe(taken);
    blocker.close();
  });

  it("ends open connections when it closes", async () => {
    const listening = await listen(createGateway([], options), { port: 0 });
    const socket = connect(listening.port, "127.0.0.1");
    await once(socket, "connect");
    const ended = once(socket, "close");
    socket.resume();
    await listening.close();
    await ended;
  });

  it("gives raw routes their own streams, and serves them without a socket, too", async () => {
    const gateway = createGateway([], {
      ...options,
      routes: [
        {
          prefix: "/v2/",
          listener: (request, response) => {
            let size = 0;
            request.on("data", (chunk: Buffer) => {
              size += chunk.length;
            });
            request.on("end", () =>
              response.setHeader("docker-upload", "1").end(`${request.method} ${request.url} ${size}`),
            );
          },
        },
      ],
    });
    const listening = await listen(gateway, { port: 0 });
    open.push(listening);
    const answer = await fetch(`${listening.url}/v2/web/blobs?x=1`, { method: "PUT", body: "12345" });
    expect(await answer.text()).toBe("PUT /v2/web/blobs?x=1 5");
    const handed = await gateway.handle({
      method: "PUT",
      path: "/v2/web/blobs",
      query: { x: "1" },
      headers: {},
      body: new Uint8Array(5),
    });
    expect(new TextDecoder().decode(handed.body)).toBe("PUT /v2/web/blobs?x=1 5");
    expect(handed.headers["docker-upload"]).toBe("1");
  });
});

describe("requests handed over in process", () => {
  it("need no socket and no real time", async () => {
    const virtual = createVirtualClock();
    const service: Service = {
      ...stepFunctions(),
      operations: {
        // An operation that waits on the clock must not stop it.
        DescribeExecution: async (input: sfn.DescribeExecutionCommandInput) => {
          await new Promise<void>((resolve) => virtual.after(3_600_000, resolve));
          return { ...input, stateMachineArn: "arn", status: "RUNNING", startDate: new Date(virtual.now()) };
        },
      },
    };
    const gateway = createGateway([service], { clock: virtual, random: () => 0.1 });
    const inProcess = new sfn.SFNClient({
      ...client("http://127.0.0.1:1"),
      requestHandler: createRequestHandler(gateway, virtual),
    });
    const answer = await virtual.runUntil(
      inProcess.send(new sfn.DescribeExecutionCommand({ executionArn: "arn:y" })),
    );
    expect(answer.startDate).toEqual(new Date(3_600_000));
    const controller = new AbortController();
    const asked = inProcess.send(new sfn.DescribeExecutionCommand({ executionArn: "arn:y" }), {
      abortSignal: controller.signal,
    });
    virtual.after(10, () => controller.abort());
    await expect(virtual.runUntil(asked)).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("doors beside AWS JSON", () => {
  it("invokes functions over Lambda's REST API", async () => {
    const later: string[] = [];
    const door = createInvokeDoor({
      functionArn: (name) => name,
      invoke: async (name, payload) => {
        if (name === "missing")
          throw new AwsError("ResourceNotFoundException", "Function not found: missing", { status: 404 });
        if (name === "bad")
          return { payload: '{"errorType":"X"}', functionError: "Unhandled", executedVersion: "$LATEST" };
        return { payload: `{"name":"${name}","payload":${payload}}`, executedVersion: "7" };
      },
      invokeLater: (name, payload) => later.push(`${name} ${payload}`),
    });
    const { url } = await serve([], { doors: [door] });
    const lambda = new LambdaClient(client(url));
    const good = await lambda.send(
      new InvokeCommand({ FunctionName: "a", Qualifier: "7", Payload: '{"x":1}' }),
    );
    expect(good.Payload?.transformToString()).toBe('{"name":"a:7","payload":{"x":1}}');
    expect(good).toMatchObject({ StatusCode: 200, ExecutedVersion: "7" });
    expect(good.FunctionError).toBeUndefined();
    const bad = await lambda.send(new InvokeCommand({ FunctionName: "bad" }));
    expect(bad.FunctionError).toBe("Unhandled");
    await expect(lambda.send(new InvokeCommand({ FunctionName: "missing" }))).rejects.toBeInstanceOf(
      ResourceNotFoundException,
    );
    await expect(lambda.send(new GetFunctionCommand({ FunctionName: "a" }))).rejects.toMatchObject({
      name: "NotImplemented",
      message: expect.stringContaining("GET /2015-03-31/functions/a"),
    });
    const event = await lambda.send(
      new InvokeCommand({
        FunctionName: "arn:aws:lambda:eu-central-1:000000000000:function:a:3",
        InvocationType: "Event",
        Payload: "{}",
      }),
    );
    expect(event.StatusCode).toBe(202);
    expect(later).toEqual(["arn:aws:lambda:eu-central-1:000000000000:function:a:3 {}"]);
    await expect(lambda.send(new InvokeCommand({ FunctionName: "a", Payload: "{" }))).rejects.toMatchObject({
      name: "InvalidRequestContentException",
    });
  });

  it("says who the caller is", async () => {
    const { url } = await serve([], {
      doors: [createStsDoor(createIam({ ...options, accountId: "000000000000" }))],
    });
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
      body: "Action=GetCallerIdentity&Version=2011-06-15",
    });
    expect(await answer.text()).toContain("<Account>000000000000</Account>");
    const other = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "Action=Assume%3CRole&Version=2011-06-15",
    });
    expect(other.status).toBe(400);
    expect(await other.text()).toContain("not Assume&#60;Role.");
  });
});
