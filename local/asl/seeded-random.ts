import { createHash } from "node:crypto";
import type { Random } from "./clock.ts";

/** Numbers that are the same for the same seed, and tell nothing of it: SHA-256 in counter mode. */
export function createSeededRandom(seed: string): Random {
  let block = Buffer.alloc(0);
  let next = 0;
  let counter = 0;
  return () => {
    if (next === block.length) {
      block = createHash("sha256").update(`${seed}/${counter++}`).digest();
      next = 0;
    }
    const number = block.readUInt32LE(next) / 2 ** 32;
    next += 4;
    return number;
  };
}
