import { type Demands, demand } from "../demand.ts";

interface OfGroup {
  readonly logGroupName?: string | undefined;
  readonly logGroupIdentifier?: string | undefined;
}

interface OfStream extends OfGroup {
  readonly logStreamName?: string | undefined;
}

/** What operations of CloudWatch Logs need. AWS names a group with an empty stream behind it. */
export function logsDemands(arn: (service: string, resource: string) => string): Demands {
  const group = ({ logGroupName, logGroupIdentifier }: OfGroup) =>
    logGroupIdentifier?.startsWith("arn:") === true
      ? logGroupIdentifier.replace(/:\*$/, "")
      : arn("logs", `log-group:${logGroupName ?? logGroupIdentifier ?? ""}`);
  const ofGroup = (action: string) => (input: OfGroup) => demand(action, `${group(input)}:log-stream:`);
  const ofStream = (action: string) => (input: OfStream) =>
    demand(action, `${group(input)}:log-stream:${input.logStreamName ?? ""}`);
  return {
    CreateLogGroup: ofGroup("logs:CreateLogGroup"),
    DeleteLogGroup: ofGroup("logs:DeleteLogGroup"),
    PutRetentionPolicy: ofGroup("logs:PutRetentionPolicy"),
    DeleteRetentionPolicy: ofGroup("logs:DeleteRetentionPolicy"),
    DescribeLogStreams: ofGroup("logs:DescribeLogStreams"),
    FilterLogEvents: ofGroup("logs:FilterLogEvents"),
    CreateLogStream: ofGroup("logs:CreateLogStream"),
    DeleteLogStream: ofStream("logs:DeleteLogStream"),
    GetLogEvents: ofStream("logs:GetLogEvents"),
    PutLogEvents: ofStream("logs:PutLogEvents"),
  };
}
