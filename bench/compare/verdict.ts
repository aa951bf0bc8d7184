import { type Random, seededRandom } from "../random.js";
import { median, quantile } from "../statistics.js";

/** What a change comes to. "unclear": fewer than LEAST_ROUNDS rounds tell nothing. */
export type Verdict = "better" | "same" | "worse" | "unclear";

/** A change of a median, with the noise in mind. */
export interface Change {
  verdict: Verdict;
  /** Median of the new rounds / median of the old ones. */
  change: number;
  /** Between these the change is, 99 times in 100, as far as the spread within both runs tells. */
  low: number;
  high: number;
}

/** With fewer, resampling knows no spread. */
export const LEAST_ROUNDS = 5;
/** Changes below this are none: alignment of code and data moves more. */
export const LEAST_CHANGE = 0.02;
const RESAMPLES = 2000;
const SURE = 0.99;
/** The same rounds give the same verdict. */
const SEED = 1;

/**
 * Compares rounds of two runs by bootstrap: both are resampled, with replacement, and the medians divided. It is a change only if 99 of 100 such
 * ratios lie on one side of 1, and by more than LEAST_CHANGE.
 * @param higherIsBetter rates and gains; latencies are the other way round
 */
export function judge(before: readonly number[], after: readonly number[], { higherIsBetter }: { higherIsBetter: boolean }): Change {
  const change = median(after) / median(before);
  if (before.length < LEAST_ROUNDS || after.length < LEAST_ROUNDS) return { verdict: "unclear", change, low: Number.NaN, high: Number.NaN };
  const random = seededRandom(SEED);
  const old = new Resampler(before, random);
  const now = new Resampler(after, random);
  const changes = [...Float64Array.from({ length: RESAMPLES }, () => now.median() / old.median()).sort()];
  const low = quantile(changes, (1 - SURE) / 2);
  const high = quantile(changes, (1 + SURE) / 2);
  const isMore = low > 1 + LEAST_CHANGE;
  const isLess = high < 1 - LEAST_CHANGE;
  if (!isMore && !isLess) return { verdict: "same", change, low, high };
  return { verdict: isMore === higherIsBetter ? "better" : "worse", change, low, high };
}

/** Draws as many values as there are, with replacement, and tells their median. */
class Resampler {
  readonly #values: readonly number[];
  readonly #random: Random;
  readonly #drawn: Float64Array;

  constructor(values: readonly number[], random: Random) {
    this.#values = values;
    this.#random = random;
    this.#drawn = new Float64Array(values.length);
  }

  median(): number {
    const drawn = this.#drawn;
    for (let n = 0; n < drawn.length; n += 1) drawn[n] = this.#values[Math.floor(this.#random() * drawn.length)];
    drawn.sort();
    const middle = drawn.length >> 1;
    return drawn.length % 2 === 1 ? drawn[middle] : (drawn[middle - 1] + drawn[middle]) / 2;
  }
}
