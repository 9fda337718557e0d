/// <reference path="./.sst/platform/config.d.ts" />

/** The installation in AWS. `infra/` follows the way of a release: from the records to what watches over them. */
export default $config({
  app({ stage }) {
    const permanent = stage === "production";
    return {
      name: "spillway",
      home: "aws",
      // A production keeps its records and images even when it is removed, which protect refuses to begin with.
      removal: permanent ? "retain" : "remove",
      protect: permanent,
    };
  },
  async run() {
    const { application, home, member, place, permanent } = await import("./infra/stage.ts");
    const { refuseWhatCannotWork } = await import("./infra/account.ts");
    await refuseWhatCannotWork();
    if (member !== undefined) {
      const { makeMember } = await import("./infra/member.ts");
      const { name } = makeMember(member);
      return {
        account: place.account,
        region: place.region,
        home: home.account,
        role: member.role,
        parameter: name,
      };
    }
    await import("./infra/records.ts");
    await import("./infra/repositories.ts");
    await import("./infra/builds.ts");
    await import("./infra/migrations.ts");
    await import("./infra/targets.ts");
    await import("./infra/functions.ts");
    const { functionUrls, operators } = await import("./infra/operators.ts");
    const { machines } = await import("./infra/machines.ts");
    await import("./infra/installation.ts");
    const { bus } = await import("./infra/bus.ts");
    await import("./infra/clearing.ts");
    await import("./infra/rules.ts");
    await import("./infra/alarms.ts");
    const { dashboard } = await import("./infra/dashboard.ts");
    return {
      account: place.account,
      region: place.region,
      registry: `${place.account}.dkr.ecr.${place.region}.amazonaws.com`,
      repositories: application.repositories,
      permanent,
      releaseMachine: machines.ReleaseMachine.arn,
      deployMachine: machines.DeployMachine.arn,
      bus: bus.name,
      operatorDoor: functionUrls.Operate.functionUrl,
      operatorPolicy: operators.arn,
      dashboard: dashboard.dashboardName,
    };
  },
});
