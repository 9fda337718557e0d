/** What was asked for cannot be done here. The message says what could be. */
export class RefusalError extends Error {
  override readonly name = "RefusalError";
}
