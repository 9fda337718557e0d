const PATTERN =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-8]):[0-5]\d)$/i;

/** Whether `text` is an ISO-8601 date and time with an offset, "2026-11-24T09:30:00Z", of a day that exists. */
export function isTimestamp(text: string): boolean {
  const match = PATTERN.exec(text);
  if (!match) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return month >= 1 && month <= 12 && day >= 1 && day <= lastDay && hour < 24 && minute < 60 && second < 60;
}

/** Milliseconds since the Unix epoch of a text for which `isTimestamp` holds. */
export function timestampMilliseconds(text: string): number {
  return Date.parse(text.toUpperCase());
}
