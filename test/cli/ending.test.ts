import { expect, it } from "vitest";
import { EndedError, Ending } from "../../cli/ending.ts";

it("ends what was started, last first, and once however often it is asked", async () => {
  const ending = new Ending();
  const ended: string[] = [];
  for (const name of ["database", "services"])
    await ending.own(Promise.resolve(name), async (thing) => ended.push(thing));
  await Promise.all([ending.run(), ending.run()]);
  expect(ended).toEqual(["services", "database"]);
});

it("waits for what is still starting, then ends it", async () => {
  const ending = new Ending();
  const starting = Promise.withResolvers<string>();
  const ended: string[] = [];
  const owned = ending.own(starting.promise, async (thing) => ended.push(thing));
  const run = ending.run();
  starting.resolve("database");
  await expect(owned).rejects.toThrow(EndedError);
  await run;
  expect(ended).toEqual(["database"]);
});

it("ends the others when one could not be started or ended", async () => {
  const ending = new Ending();
  const ended: string[] = [];
  await ending.own(Promise.resolve("database"), async (thing) => ended.push(thing));
  await ending.own(Promise.resolve("stubborn"), () => Promise.reject(new Error("no")));
  await expect(ending.own(Promise.reject(new Error("port in use")), async () => undefined)).rejects.toThrow(
    "port in use",
  );
  await ending.run();
  expect(ended).toEqual(["database"]);
});

it("ends at once what is started after the end began", async () => {
  const ending = new Ending();
  await ending.run();
  expect(ending.signal.aborted).toBe(true);
  const ended = Promise.withResolvers<string>();
  await expect(ending.own(Promise.resolve("late"), async (thing) => ended.resolve(thing))).rejects.toThrow(
    EndedError,
  );
  expect(await ended.promise).toBe("late");
});
