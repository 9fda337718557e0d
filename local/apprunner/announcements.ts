import type * as apprunner from "@aws-sdk/client-apprunner";
import type { World } from "../world.ts";
import type { RunnerService } from "./runner-service.ts";

/** How operations are called in events. */
const operationWords: Readonly<Record<apprunner.OperationType, string>> = {
  CREATE_SERVICE: "CreateService",
  UPDATE_SERVICE: "UpdateService",
  START_DEPLOYMENT: "Deployment",
  DELETE_SERVICE: "DeleteService",
  PAUSE_SERVICE: "PauseService",
  RESUME_SERVICE: "ResumeService",
};

/** What App Runner tells on the event bus. */
export function createAnnouncements(world: Pick<World, "emit">) {
  const emitStatus = (service: RunnerService, before: apprunner.ServiceStatus) =>
    world.emit({
      source: "aws.apprunner",
      "detail-type": "AppRunner Service Status Change",
      resources: [service.arn],
      detail: {
        previousServiceStatus: before,
        currentServiceStatus: service.status,
        serviceName: service.name,
        serviceId: service.id,
        message: `Service status is set to ${service.status}.`,
        severity: "INFO",
      },
    });

  const emitOperation = (
    service: RunnerService,
    operationStatus: string,
    message: string,
    severity = "INFO",
  ) =>
    world.emit({
      source: "aws.apprunner",
      "detail-type": "AppRunner Service Operation Status Change",
      resources: [service.arn],
      detail: { operationStatus, serviceName: service.name, serviceId: service.id, message, severity },
    });

  return {
    /** That a service has another status than before. */
    status: emitStatus,
    /** That an operation began. */
    began(service: RunnerService, type: apprunner.OperationType): void {
      const words = operationWords[type];
      emitOperation(service, `${words}Started`, `${words} operation is started.`);
    },
    /** How an operation ended. */
    ended(service: RunnerService, type: apprunner.OperationType, status: apprunner.OperationStatus): void {
      const words = operationWords[type];
      if (status === "SUCCEEDED")
        emitOperation(
          service,
          `${words}CompletedSuccessfully`,
          `${words} operation is completed successfully.`,
        );
      else emitOperation(service, `${words}Failed`, `${words} operation failed: ${status}.`, "ERROR");
    },
  };
}
