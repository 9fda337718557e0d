/** Places of the machines that no world comes to, each with the reason: the report on coverage prints them apart. */
export const outOfReach: Readonly<Record<string, string>> = {
  "deploy Deploy catch States.DataLimitExceeded":
    "no answer of ours comes near 256 KB; the Catch is there because States.ALL does not cover this error",
  "release Release catch States.DataLimitExceeded":
    "no answer of ours comes near 256 KB; the Catch is there because States.ALL does not cover this error",
};
