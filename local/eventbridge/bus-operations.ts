import type {
  CreateEventBusCommandInput,
  CreateEventBusCommandOutput,
  DeleteEventBusCommandInput,
  DeleteEventBusCommandOutput,
  DescribeEventBusCommandInput,
  DescribeEventBusCommandOutput,
  ListEventBusesCommandInput,
  ListEventBusesCommandOutput,
  PutPermissionCommandInput,
  PutPermissionCommandOutput,
  RemovePermissionCommandInput,
  RemovePermissionCommandOutput,
} from "@aws-sdk/client-eventbridge";
import { checkResourcePolicy } from "../iam/resource-policy.ts";
import { AwsError, type Operation } from "../service.ts";
import { type Buses, DEFAULT_BUS, type EventBus, pageByName } from "./buses.ts";

/** The operations on event buses. `onDelete` is called before a bus goes, so that its rules can be ended. */
export function createBusOperations(buses: Buses, onDelete: (bus: EventBus) => void) {
  const CreateEventBus: Operation<CreateEventBusCommandInput, CreateEventBusCommandOutput> = ({
    Name = "",
    Description,
  }) => {
    if (!/^[.\-_A-Za-z0-9]{1,256}$/.test(Name)) {
      throw new AwsError(
        "ValidationException",
        `Event bus name ${Name} must match [.\\-_A-Za-z0-9]+, 256 at most.`,
      );
    }
    const bus = buses.create(Name, Description);
    return { EventBusArn: bus.arn, Description: bus.description };
  };

  const DescribeEventBus: Operation<DescribeEventBusCommandInput, DescribeEventBusCommandOutput> = ({
    Name,
  }) => shown(buses.get(Name));

  const PutPermission: Operation<PutPermissionCommandInput, PutPermissionCommandOutput> = ({
    EventBusName,
    Policy,
  }) => {
    const bus = buses.get(EventBusName);
    if (Policy === undefined)
      throw new AwsError(
        "NotImplemented",
        "The local AWS takes a bus's permissions as a whole Policy only.",
        {
          status: 501,
        },
      );
    checkResourcePolicy(Policy);
    bus.policy = Policy;
    buses.keep(bus.name);
    return {};
  };

  const RemovePermission: Operation<RemovePermissionCommandInput, RemovePermissionCommandOutput> = ({
    EventBusName,
    StatementId,
  }) => {
    const bus = buses.get(EventBusName);
    if (StatementId !== undefined)
      throw new AwsError("NotImplemented", "The local AWS removes a bus's permissions as a whole only.", {
        status: 501,
      });
    delete bus.policy;
    buses.keep(bus.name);
    return {};
  };

  const ListEventBuses: Operation<ListEventBusesCommandInput, ListEventBusesCommandOutput> = (input) => {
    const { page, nextToken } = pageByName(buses.all(), {
      prefix: input.NamePrefix,
      limit: input.Limit,
      nextToken: input.NextToken,
    });
    return { EventBuses: page.map(shown), NextToken: nextToken };
  };

  const DeleteEventBus: Operation<DeleteEventBusCommandInput, DeleteEventBusCommandOutput> = ({ Name }) => {
    const bus = buses.find(Name);
    if (!bus) return {};
    if (bus.name === DEFAULT_BUS) {
      throw new AwsError("ValidationException", `Cannot delete event bus ${DEFAULT_BUS}.`);
    }
    onDelete(bus);
    buses.delete(bus.name);
    return {};
  };

  return {
    CreateEventBus,
    DescribeEventBus,
    ListEventBuses,
    DeleteEventBus,
    PutPermission,
    RemovePermission,
  };
}

function shown(bus: EventBus) {
  const { name, arn, description, createdAt, policy } = bus;
  return {
    Name: name,
    Arn: arn,
    Description: description,
    Policy: policy,
    CreationTime: createdAt,
    LastModifiedTime: createdAt,
  };
}
