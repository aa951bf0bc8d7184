import type { Stage, StageContext } from "lagbag";

/** What becomes of a rank when it hands its first unit of another rank's step in. */
export interface HelperProgram {
  fate: "exits" | "hangs";
}

/** Words of a rank among those of Offers: two cache lines. */
const OFFER_WORDS = 2 * 16;

/**
 * A stage that hands features on, on a thread that ends, or stops, in the middle of helping: after the unit was pooled and before anyone
 * hears of it. The loop has no place for that, so the stage takes the one atomic operation over that the loop hands in by.
 */
export function createStage({ rank, ranks, options }: StageContext): Stage {
  const { fate } = options as HelperProgram;
  const { sub } = Atomics;
  Atomics.sub = ((words: Int32Array, index: number, value: number): number => {
    const ofOffers = words.length === ranks * OFFER_WORDS;
    if (ofOffers && Math.floor(index / OFFER_WORDS) !== rank) {
      if (fate === "exits") process.exit(7);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
    return sub(words, index, value);
  }) as typeof Atomics.sub;
  return { run: (features) => features };
}
