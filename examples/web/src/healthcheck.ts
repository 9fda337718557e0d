// The image's HEALTHCHECK: exits 0 when the service in this container says it is healthy.
const port = process.env.PORT ?? "8080";
const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2_000) }).catch(
  () => undefined,
);
process.exit(answer?.ok ? 0 : 1);
