/** Writes one JSON line to stdout. Never pass anything secret or personal: no addresses, no request bodies. */
export function log(
  level: "info" | "warn" | "error",
  message: string,
  details: Readonly<Record<string, string | number | null>> = {},
): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), level, message, ...details }));
}
