/** What the engine refuses when a machine is created, by name, rather than running it differently from AWS. */
export const UNSUPPORTED_FEATURES = {
  JSONPath:
    "states must use JSONata: it is what AWS recommends, its reference implementation is the one AWS follows, and no JSONPath library agrees with AWS's",
  "Distributed Map":
    "its children are executions of their own over items in S3, which has no place on a laptop; use an inline Map",
  Credentials: "roles of other accounts cannot be assumed locally; let the Task's own role do it",
  Activities: "they need workers that poll; use .waitForTaskToken",
  "Express workflows": "they keep no history and cannot wait for task tokens; use STANDARD",
} as const;

/** The name of an unsupported feature. */
export type UnsupportedFeature = keyof typeof UNSUPPORTED_FEATURES;

/** Fields that exist only where the query language is JSONPath. */
export const JSONPATH_FIELDS: ReadonlySet<string> = new Set([
  "InputPath",
  "OutputPath",
  "Parameters",
  "Result",
  "ResultPath",
  "ResultSelector",
  "ItemsPath",
  "SecondsPath",
  "TimestampPath",
  "TimeoutSecondsPath",
  "HeartbeatSecondsPath",
  "MaxConcurrencyPath",
  "ToleratedFailureCountPath",
  "ToleratedFailurePercentagePath",
  "ErrorPath",
  "CausePath",
  "Variable",
]);

/** Fields of a Map state that exist only in its distributed mode. */
export const DISTRIBUTED_MAP_FIELDS: ReadonlySet<string> = new Set([
  "ItemReader",
  "ItemBatcher",
  "ResultWriter",
  "Label",
]);
