/** Seeds that found a bug once, with what it was: they are lived through in each run of the tests. */
export const seeds: Readonly<Record<number, string>> = {
  34: "a recovery that was asked for while a newer release was on its way recorded the older one as live",
  83: "a migration that was begun after its function was gone was begun once more, because each try had a token of its own",
  135: "a way back whose first try died left its wait open for ever",
  20056:
    "a note that a migration may begin took effect when the migration was over, and where the schema stands was forgotten",
  20239: "a recovery after a migration that could not be taken back asked nobody where the schema stands",
  30055:
    "a function that failed of one of two calls was taken for busy when the other was answered, and time stood still",
  548003981:
    "a deployment was asked for again, because App Runner's clock was behind that of the function that began it",
};
