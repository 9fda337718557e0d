import { functions } from "./functions.ts";
import { policyOf } from "./role.ts";
import { application, prefix } from "./stage.ts";

/** The doors that people call with their own credentials: AWS checks the signature and tells the function who signed. */
export const functionUrls = Object.fromEntries(
  application.functions.flatMap(({ name, functionUrl }) =>
    functionUrl === undefined
      ? []
      : [
          [
            name,
            new aws.lambda.FunctionUrl(`${name}Url`, {
              functionName: functions[name].nodes.function.name,
              authorizationType: functionUrl,
              invokeMode: "BUFFERED",
            }),
          ],
        ],
  ),
);

const doors = Object.keys(functionUrls).map((name) => functions[name].nodes.function.arn);

/**
 * What a person needs to come to the operator's door, to be attached to the users, roles or permission sets of those
 * who may. Never `lambda:InvokeFunction` without the condition: whoever can call the function past its URL can say
 * that they are somebody else.
 */
export const operators = new aws.iam.Policy("Operators", {
  namePrefix: `${prefix.slice(0, 80)}-operators-`,
  description: `May approve, stop the line and the like in ${prefix}; who may approve what says its config.`,
  policy: policyOf([
    {
      actions: ["lambda:InvokeFunctionUrl"],
      resources: doors,
      conditions: [{ test: "StringEquals", variable: "lambda:FunctionUrlAuthType", values: ["AWS_IAM"] }],
    },
    {
      actions: ["lambda:InvokeFunction"],
      resources: doors,
      conditions: [{ test: "Bool", variable: "lambda:InvokedViaFunctionUrl", values: ["true"] }],
    },
    { actions: ["lambda:GetFunctionUrlConfig"], resources: doors },
  ]),
});
