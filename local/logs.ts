/** Where services write what their processes print. Implemented by the CloudWatch Logs service. */
export interface LogSink {
  /** Appends one line; creates group and stream when they do not exist. Never throws. */
  write(group: string, stream: string, line: string): void;
}
