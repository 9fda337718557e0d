import { GetFunctionUrlConfigCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { SignatureV4 } from "@smithy/signature-v4";
import { SpillwayError } from "../core/errors.ts";
import type { Connection } from "./connection.ts";
import { call } from "./faults.ts";

/** What a function URL answered. */
export interface UrlAnswer {
  readonly status: number;
  readonly body: string;
}

/** Function URLs with AuthType AWS_IAM, called with the credentials of whoever runs this. */
export function connectFunctionUrls({ client, fetch, now }: Connection) {
  const lambda = new LambdaClient(client);
  const signer = new SignatureV4({
    service: "lambda",
    region: lambda.config.region,
    credentials: lambda.config.credentials,
    sha256: lambda.config.sha256,
  });

  return {
    /** @throws SpillwayError AwsRefused if there is no such function or it has no URL. */
    async find(functionName: string): Promise<URL> {
      const { FunctionUrl } = await call(`find the URL of ${functionName}`, () =>
        lambda.send(new GetFunctionUrlConfigCommand({ FunctionName: functionName })),
      );
      if (FunctionUrl === undefined)
        throw new SpillwayError("AwsRefused", `The function ${functionName} has no URL.`);
      return new URL(FunctionUrl);
    },

    /** Sends a signed POST. @throws SpillwayError AwsFault if nobody answers. */
    async post(url: URL, body: string): Promise<UrlAnswer> {
      const signed = await signer.sign(
        {
          method: "POST",
          protocol: url.protocol,
          hostname: url.hostname,
          path: url.pathname,
          headers: { host: url.host, "content-type": "application/json" },
          body,
        },
        { signingDate: new Date(now()) },
      );
      return call(`ask ${url.href}`, async () => {
        const answer = await fetch(url, { method: "POST", headers: signed.headers, body });
        return { status: answer.status, body: await answer.text() };
      });
    },
  };
}
