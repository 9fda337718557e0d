import { functions } from "./functions.ts";
import { application } from "./stage.ts";
import { accessRole, instanceRoles, vpcConnector } from "./targets.ts";

const { removal } = application;

/**
 * Deletes what releases made before anything that it needs is removed. A change of its function's name would replace
 * it, and so clear the environments; nothing else does than its own removal.
 */
export const clearing =
  removal === undefined
    ? []
    : [
        new aws.lambda.Invocation(
          "Clearing",
          {
            functionName: functions[removal.function].name,
            input: JSON.stringify(removal.released),
            lifecycleScope: "CRUD",
          },
          {
            dependsOn: [
              functions[removal.function],
              accessRole,
              ...Object.values(instanceRoles),
              ...(vpcConnector === undefined ? [] : [vpcConnector]),
            ],
          },
        ),
      ];
