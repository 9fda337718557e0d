/**
 * Stands in for `@smithy/core/event-streams` in the bundles. The client of CloudWatch Logs wants it to be made at all,
 * and uses it for operations that answer with a stream of events, none of which we call: 9 KB less in each bundle.
 */
export function eventStreamSerdeProvider(): never {
  throw new TypeError(
    "An operation with an event stream was called; take infra/event-streams.ts out of the bundles.",
  );
}

/** Clients are made without a marshaller of events. */
export function resolveEventStreamSerdeConfig<Config>(config: Config): Config {
  return config;
}
