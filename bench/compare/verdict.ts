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
  const changes = Array.from({ length: RESAMPLES }, () => median(resample(after, random)) / median(resample(before, random))).sort(
    (a, b) => a - b,
  );
  const low = quantile(changes, (1 - SURE) / 2);
  const high = quantile(changes, (1 + SURE) / 2);
  const isMore = low > 1 + LEAST_CHANGE;
  const isLess = high < 1 - LEAST_CHANGE;
  if (!isMore && !isLess) return { verdict: "same", change, low, high };
  return { verdict: isMore === higherIsBetter ? "better" : "worse", change, low, high };
}

function resample(values: readonly number[], random: Random): number[] {
  return values.map(() => values[Math.floor(random() * values.length)]);
}
