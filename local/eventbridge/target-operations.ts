import type {
  ListRuleNamesByTargetCommandInput,
  ListRuleNamesByTargetCommandOutput,
  ListTargetsByRuleCommandInput,
  ListTargetsByRuleCommandOutput,
  PutTargetsCommandInput,
  PutTargetsCommandOutput,
  RemoveTargetsCommandInput,
  RemoveTargetsCommandOutput,
  Target,
} from "@aws-sdk/client-eventbridge";
import { AwsError, type Operation } from "../service.ts";
import { type Buses, pageByName, type RuleTarget } from "./buses.ts";
import { targetInput, targetKind } from "./delivery.ts";
import { checkTargetInput } from "./transformer.ts";

const TARGETS_LIMIT = 5;

/** The operations on the targets of rules. */
export function createTargetOperations(buses: Buses) {
  const PutTargets: Operation<PutTargetsCommandInput, PutTargetsCommandOutput> = (input) => {
    const rule = buses.rule(input.Rule, input.EventBusName);
    const targets = (input.Targets ?? []).map(checkTarget);
    const ids = new Set([...rule.targets.keys(), ...targets.map(({ Id }) => Id)]);
    if (ids.size > TARGETS_LIMIT) {
      throw new AwsError(
        "LimitExceededException",
        `The requested resource exceeds the maximum number allowed: ${TARGETS_LIMIT} targets per rule.`,
      );
    }
    for (const target of targets) rule.targets.set(target.Id, target);
    buses.keep(rule.busName);
    return { FailedEntryCount: 0, FailedEntries: [] };
  };

  const RemoveTargets: Operation<RemoveTargetsCommandInput, RemoveTargetsCommandOutput> = (input) => {
    const rule = buses.rule(input.Rule, input.EventBusName);
    const failed = (input.Ids ?? []).filter((id) => !rule.targets.delete(id));
    buses.keep(rule.busName);
    return {
      FailedEntryCount: failed.length,
      FailedEntries: failed.map((id) => ({
        TargetId: id,
        ErrorCode: "ResourceNotFoundException",
        ErrorMessage: `Target ${id} does not exist on rule ${rule.name}.`,
      })),
    };
  };

  const ListTargetsByRule: Operation<ListTargetsByRuleCommandInput, ListTargetsByRuleCommandOutput> = (
    input,
  ) => {
    const rule = buses.rule(input.Rule, input.EventBusName);
    const named = [...rule.targets.values()].map((target) => ({ name: target.Id, target }));
    const { page, nextToken } = pageByName(named, { limit: input.Limit, nextToken: input.NextToken });
    return { Targets: page.map(({ target }) => target), NextToken: nextToken };
  };

  const ListRuleNamesByTarget: Operation<
    ListRuleNamesByTargetCommandInput,
    ListRuleNamesByTargetCommandOutput
  > = (input) => {
    const rules = [...buses.get(input.EventBusName).rules.values()].filter(({ targets }) =>
      [...targets.values()].some(({ Arn }) => Arn === input.TargetArn),
    );
    const { page, nextToken } = pageByName(rules, { limit: input.Limit, nextToken: input.NextToken });
    return { RuleNames: page.map(({ name }) => name), NextToken: nextToken };
  };

  return { PutTargets, RemoveTargets, ListTargetsByRule, ListRuleNamesByTarget };
}

/** Parameters of kinds of targets that do not exist locally, and the dead-letter queue: AWS would act on them. */
const UNSUPPORTED = [
  "DeadLetterConfig",
  "KinesisParameters",
  "RunCommandParameters",
  "EcsParameters",
  "BatchParameters",
  "SqsParameters",
  "HttpParameters",
  "RedshiftDataParameters",
  "SageMakerPipelineParameters",
  "AppSyncParameters",
] as const satisfies readonly (keyof Target)[];

function checkTarget({ Id = "", Arn = "", ...rest }: Target): RuleTarget {
  const target: RuleTarget = { ...rest, Id, Arn };
  if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(Id)) {
    throw new AwsError(
      "ValidationException",
      `Target id ${Id} must match [.\\-_A-Za-z0-9]+ with 64 characters at most.`,
    );
  }
  const unsupported = UNSUPPORTED.find((name) => target[name] !== undefined);
  if (unsupported) {
    throw notImplemented(`does not implement ${unsupported} of the target ${Id}; leave it out`);
  }
  if (!Arn.startsWith("arn:")) {
    throw new AwsError(
      "ValidationException",
      `Parameter ${Arn} is not valid. Reason: Provided Arn is not in correct format.`,
    );
  }
  const kind = targetKind(Arn);
  if (!kind) {
    throw notImplemented(
      `delivers events to Lambda functions, state machines and event buses, not to ${Arn}`,
    );
  }
  if (kind === "state-machine" && !target.RoleArn) {
    throw new AwsError("ValidationException", `RoleArn is required for target ${Arn}.`);
  }
  checkTargetInput(targetInput(target), Id);
  return target;
}

function notImplemented(what: string): AwsError {
  return new AwsError("NotImplemented", `The local AWS ${what}.`, { status: 501 });
}
