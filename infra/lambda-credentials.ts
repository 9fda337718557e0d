import { fromEnv } from "@aws-sdk/credential-provider-env";

/**
 * Stands in a bundle for the SDK's search for credentials (profiles, single sign-on, instance metadata): Lambda gives
 * a function its role's credentials as environment variables, so the rest would be dead weight at every cold start.
 */
export const defaultProvider = fromEnv;
