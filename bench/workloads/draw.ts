import type { Random } from "../random.js";

/**
 * How indices fall on rows.
 * - uniform: every row alike
 * - zipf: the n-th most wanted row is wanted in proportion to 1 / n ** exponent
 * - reuse: rows by how often they are wanted again, in the shares of REUSE_BINS
 */
export type Distribution = { kind: "uniform" } | { kind: "zipf"; exponent: number } | { kind: "reuse" };

/** Draws a row. */
export type Draw = (random: Random) => number;

/**
 * Share of accesses that go to rows which are accessed 1, 2, 4 ... 32768 times, and more often, in Meta's embedding-bag traces of 2022
 * (788 tables, mean pooling 13.6).
 */
export const REUSE_BINS = [
  0.027, 0.023, 0.04, 0.068, 0.105, 0.12, 0.099, 0.07, 0.059, 0.054, 0.04, 0.072, 0.064, 0.047, 0.021, 0.017, 0.076,
] as const;

/** What a distribution is made for. */
export interface DrawOptions {
  numRows: number;
  /** Draws that will be taken: what "wanted n times" refers to. */
  accesses: number;
}

export function drawFrom(distribution: Distribution, { numRows, accesses }: DrawOptions): Draw {
  switch (distribution.kind) {
    case "uniform":
      return (random) => Math.floor(random() * numRows);
    case "zipf": {
      const rank = zipfRank(numRows, distribution.exponent);
      const place = scatter(numRows);
      return (random) => place(rank(random));
    }
    case "reuse":
      return reuseDraw(numRows, accesses);
  }
}

/** "Zipf 1.05" */
export function describeDistribution(distribution: Distribution): string {
  switch (distribution.kind) {
    case "uniform":
      return "uniform";
    case "zipf":
      return `Zipf ${distribution.exponent}`;
    case "reuse":
      return "Meta's reuse bins";
  }
}

/**
 * Ranks 0 (most wanted) to count - 1 by Zipf's law, exactly, in constant time and memory: rejection-inversion, after W. Hormann and G. Derflinger,
 * "Rejection-inversion to generate variates from monotone discrete distributions", 1996.
 */
export function zipfRank(count: number, exponent: number): Draw {
  const density = (x: number): number => x ** -exponent;
  // The density's integral and its inverse; the limit at exponent 1 is the logarithm.
  const isLog = Math.abs(exponent - 1) < 1e-9;
  const integral = (x: number): number => (isLog ? Math.log(x) : (x ** (1 - exponent) - 1) / (1 - exponent));
  const inverse = (y: number): number => (isLog ? Math.exp(y) : (1 + y * (1 - exponent)) ** (1 / (1 - exponent)));
  const low = integral(1.5) - 1;
  const high = integral(count + 0.5);
  const sure = 2 - inverse(integral(2.5) - density(2));
  return (random) => {
    for (;;) {
      const y = high + random() * (low - high);
      const x = inverse(y);
      const n = Math.min(count, Math.max(1, Math.round(x)));
      if (n - x <= sure || y >= integral(n + 0.5) - density(n)) return n - 1;
    }
  };
}

/** Spreads neighbours over the table, each number below `count` to another one: what is wanted most is no neighbour in real tables, either. */
export function scatter(count: number): (n: number) => number {
  let step = Math.max(1, Math.floor(count * 0.6180339887));
  while (divisor(step, count) !== 1) step += 1;
  return (n) => (n * step) % count;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/**
 * A bin that has the share s of `accesses` draws and whose rows are wanted w times has s * accesses / w rows. The rows of a table that is
 * smaller than all bins together are shared out in proportion, so each is wanted more often.
 */
function reuseDraw(numRows: number, accesses: number): Draw {
  const wanted = REUSE_BINS.map((share, bin) => Math.max(1, Math.round((share * accesses) / 2 ** bin)));
  const all = wanted.reduce((sum, rows) => sum + rows, 0);
  const shrink = Math.min(1, numRows / all);
  const bins: { upTo: number; first: number; rows: number }[] = [];
  const total = REUSE_BINS.reduce((sum, share) => sum + share, 0);
  let first = 0;
  let upTo = 0;
  for (const [bin, rows] of wanted.entries()) {
    const kept = Math.max(1, Math.min(Math.floor(rows * shrink), numRows - first));
    upTo += REUSE_BINS[bin] / total;
    // A table with fewer rows than bins: the last ones share its last row.
    bins.push({ upTo, first: Math.min(first, numRows - 1), rows: kept });
    first += kept;
  }
  const place = scatter(numRows);
  return (random) => {
    const u = random();
    const bin = bins.find((one) => u < one.upTo) ?? bins[bins.length - 1];
    return place(bin.first + Math.floor(random() * bin.rows));
  };
}
