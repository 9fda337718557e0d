/**
 * Stands in a bundle for the cache of endpoint discovery, with the library below it: DynamoDB's client makes one,
 * and none of its commands discovers an endpoint, so nothing ever reads it.
 */
export class EndpointCache {}
