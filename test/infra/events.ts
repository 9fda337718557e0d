/** Events with the members that AWS sends, for an installation named `prefix`, by the rule that should hear them. */
export function samples(
  prefix: string,
  repository: string,
): Record<string, { heard: object[]; missed: object[] }> {
  const at = {
    version: "0",
    id: "8d4f1f0a-3a5e-4c60-9a50-b1d8b6d0a001",
    time: "2026-11-24T10:00:00Z",
    region: "eu-central-1",
  };
  const from = (source: string, detailType: string, detail: object, resources: string[] = []) => ({
    ...at,
    account: "123456789012",
    source,
    "detail-type": detailType,
    resources,
    detail,
  });
  const push = (changes: object = {}) =>
    from("aws.ecr", "ECR Image Action", {
      result: "SUCCESS",
      "repository-name": repository,
      "image-digest": "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd1234f5d0",
      "action-type": "PUSH",
      "image-tag": "3f2a91c",
      "manifest-media-type": "application/vnd.oci.image.manifest.v1+json",
      "artifact-media-type": "application/vnd.oci.image.config.v1+json",
      ...changes,
    });
  const request = { ...from("ci.example", "Release Requested", { service: "web", tag: "3f2a91c" }) };
  const approval = from("spillway", "Approval Requested", { service: "web", environment: "production" });
  const build = (project: string, status: string) => {
    const arn = `arn:aws:codebuild:eu-central-1:123456789012:build/${project}:0b4c3c1e-9d0d-4f8a-8d9e-0d6b6f6f0a01`;
    return from(
      "aws.codebuild",
      "CodeBuild Build State Change",
      {
        "build-status": status,
        "project-name": project,
        "build-id": arn,
        "current-phase": "COMPLETED",
        version: "1",
      },
      [arn],
    );
  };
  const task = (cluster: string, lastStatus: string, family = `${prefix}-web-production-migration`) =>
    from("aws.ecs", "ECS Task State Change", {
      clusterArn: `arn:aws:ecs:eu-central-1:123456789012:cluster/${cluster}`,
      taskArn: `arn:aws:ecs:eu-central-1:123456789012:task/${cluster}/0b4c3c1e9d0d4f8a8d9e0d6b6f6f0a01`,
      group: `family:${family}`,
      lastStatus,
      desiredStatus: "STOPPED",
      stopCode: "EssentialContainerExited",
      containers: [{ name: "migration", exitCode: 0 }],
    });
  const operation = (service: string, member: "operationStatus" | "OperationStatus") =>
    from(
      "aws.apprunner",
      "AppRunner Service Operation Status Change",
      { [member]: "UpdateServiceCompletedSuccessfully", serviceName: service, severity: "INFO" },
      [`arn:aws:apprunner:eu-central-1:123456789012:service/${service}/8fe1e10304f84fd2b0df550fe98a71fa`],
    );
  const execution = (machine: string, status: string) => {
    const arn = `arn:aws:states:eu-central-1:123456789012:execution:${machine}:one`;
    return from(
      "aws.states",
      "Step Functions Execution Status Change",
      {
        executionArn: arn,
        stateMachineArn: `arn:aws:states:eu-central-1:123456789012:stateMachine:${machine}`,
        name: "one",
        status,
        startDate: 1795514400000,
        stopDate: 1795514460000,
        input: "{}",
        inputDetails: { included: true },
      },
      [arn],
    );
  };
  return {
    ImagePushed: {
      heard: [push(), push({ "manifest-media-type": "application/vnd.oci.image.index.v1+json" })],
      missed: [
        push({ result: "FAILURE" }),
        push({ "action-type": "DELETE" }),
        push({ "image-tag": "" }),
        push({ "repository-name": `${repository}-other` }),
        { ...push(), "replay-name": "replay" },
        { ...push(), source: "ci.example" },
        { ...push(), "detail-type": "ECR Image Scan" },
      ],
    },
    ReleaseRequested: {
      heard: [request],
      missed: [
        { ...request, "replay-name": "replay" },
        { ...request, "detail-type": "Release Ended" },
        { ...request, account: "999999999999" },
      ],
    },
    ApprovalRequested: {
      heard: [approval],
      missed: [
        { ...approval, "replay-name": "replay" },
        { ...approval, source: "ci.example" },
        { ...approval, account: "999999999999" },
      ],
    },
    BuildEnded: {
      heard: ["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"].map((status) =>
        build(`${prefix}-web-unit-tests`, status),
      ),
      missed: [build(`${prefix}-web-unit-tests`, "IN_PROGRESS"), build("somebody-elses", "SUCCEEDED")],
    },
    TaskStopped: {
      heard: [task(prefix, "STOPPED")],
      missed: [
        task(prefix, "RUNNING"),
        task(`${prefix}-other`, "STOPPED"),
        task(prefix, "STOPPED", "somebody-elses"),
        task(`other-${prefix}`, "STOPPED"),
      ],
    },
    ExecutionBroken: {
      heard: ["ABORTED", "TIMED_OUT", "FAILED"].flatMap((status) => [
        execution(`${prefix}-DeployMachine`, status),
        execution(`${prefix}-ReleaseMachine`, status),
      ]),
      missed: [
        execution(`${prefix}-DeployMachine`, "RUNNING"),
        execution(`${prefix}-DeployMachine`, "SUCCEEDED"),
        execution("somebody-elses", "FAILED"),
        execution(`other-${prefix}-DeployMachine`, "FAILED"),
      ],
    },
    TargetOperationEnded: {
      heard: [
        operation(`${prefix}-web-production`, "operationStatus"),
        operation(`${prefix}-web-production`, "OperationStatus"),
      ],
      missed: [operation("somebody-elses", "operationStatus")],
    },
  };
}
