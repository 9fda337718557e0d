import { describe, expect, it } from "vitest";
import type { RuntimeSettings } from "../../core/settings.ts";
import type { Target, TargetOperation } from "../../core/target.ts";

/** A place where a target can be tried: images that behave as named, and a way to let its operations end. */
export interface TargetStage {
  readonly target: Target;
  /** An image that works, one that never becomes healthy. @returns its URI. */
  image(name: string, works: boolean): Promise<string>;
  readonly settings: RuntimeSettings;
  /** Runs `work` and what it waits for. */
  run<Value>(work: Promise<Value>): Promise<Value>;
  /** Lets time pass until the operation has ended. */
  settle(operation: TargetOperation): Promise<void>;
  now(): number;
  close(): Promise<void>;
}

/** What every target must keep, whatever runs behind it. */
export function describeTarget(name: string, open: () => Promise<TargetStage>): void {
  const on = async (work: (stage: TargetStage) => Promise<void>) => {
    const stage = await open();
    try {
      await work(stage);
    } finally {
      await stage.close();
    }
  };

  describe(`the target ${name}`, () => {
    const release = async ({ target, run, settings, settle }: TargetStage, imageUri: string) => {
      const operation = await run(target.start({ name: "web-contract", imageUri, settings }));
      await settle(operation);
      return run(target.look(operation));
    };

    it("does not exist before it was told anything", () =>
      on(async ({ target, run }) => {
        expect(await run(target.describe("web-contract"))).toMatchObject({
          exists: false,
          busy: false,
          imageUri: undefined,
          url: undefined,
        });
      }));

    it("is created, is busy meanwhile, and then runs the image at a URL", () =>
      on(async (stage) => {
        const { target, run, settings, settle } = stage;
        const imageUri = await stage.image("one", true);
        const operation = await run(target.start({ name: "web-contract", imageUri, settings }));
        expect(await run(target.look(operation))).toBeUndefined();
        expect(await run(target.describe("web-contract"))).toMatchObject({ busy: true });
        await settle(operation);
        expect(await run(target.look(operation))).toMatchObject({ end: "succeeded" });
        expect(await run(target.describe("web-contract"))).toMatchObject({
          exists: true,
          busy: false,
          imageUri,
          url: expect.stringMatching(/^https?:/),
        });
      }));

    it("says TargetBusy, which is worth a retry, while it is at work", () =>
      on(async (stage) => {
        const { target, run, settings } = stage;
        await release(stage, await stage.image("one", true));
        const imageUri = await stage.image("two", true);
        const first = await run(target.start({ name: "web-contract", imageUri, settings }));
        await expect(run(target.start({ name: "web-contract", imageUri, settings }))).rejects.toMatchObject({
          name: "TargetBusy",
        });
        await stage.settle(first);
      }));

    it("finds again the operation that brought an image, and none that is older", () =>
      on(async (stage) => {
        const { target, run, settings } = stage;
        const imageUri = await stage.image("one", true);
        const since = stage.now();
        const operation = await run(target.start({ name: "web-contract", imageUri, settings }));
        expect(await run(target.find("web-contract", imageUri, since))).toEqual(operation);
        await stage.settle(operation);
        expect(await run(target.find("web-contract", imageUri, stage.now() + 60_000))).toBeUndefined();
        expect(
          await run(target.find("web-contract", await stage.image("other", true), since)),
        ).toBeUndefined();
      }));

    it("calls its own rollback a failure, and runs what it ran before", () =>
      on(async (stage) => {
        const good = await stage.image("one", true);
        await release(stage, good);
        expect(await release(stage, await stage.image("two", false))).toMatchObject({
          end: "failed",
          error: "TargetRolledBack",
        });
        expect(await stage.run(stage.target.describe("web-contract"))).toMatchObject({
          busy: false,
          imageUri: good,
        });
      }));
  });
}
