import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../local/asl/clock.ts";
import { openStore, type Store } from "../../local/store.ts";
import { createTestWorld } from "./test-world.ts";

/** Worlds on one folder, one after another, as processes are that are killed. */
export interface Lives {
  /**
   * The next world. The one before keeps nothing more from now on, whatever it still does; it was not asked to stop.
   */
  next(clock: Clock): ReturnType<typeof createTestWorld> & { readonly store: Store };
  /** Ends the last of them and removes the folder. */
  end(): void;
}

/** A new folder for worlds that keep things. */
export function createLives(): Lives {
  const folder = mkdtempSync(join(tmpdir(), "spillway-lives-"));
  let store: Store | undefined;
  return {
    next(clock) {
      store?.close();
      store = openStore(join(folder, "state"));
      return { ...createTestWorld(clock, folder), store };
    },
    end() {
      store?.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
