import type {
  CreateEventBusCommandInput,
  CreateEventBusCommandOutput,
  DeleteEventBusCommandInput,
  DeleteEventBusCommandOutput,
  DescribeEventBusCommandInput,
  DescribeEventBusCommandOutput,
  ListEventBusesCommandInput,
  ListEventBusesCommandOutput,
} from "@aws-sdk/client-eventbridge";
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

  return { CreateEventBus, DescribeEventBus, ListEventBuses, DeleteEventBus };
}

function shown(bus: EventBus) {
  const { name, arn, description, createdAt } = bus;
  return {
    Name: name,
    Arn: arn,
    Description: description,
    CreationTime: createdAt,
    LastModifiedTime: createdAt,
  };
}
