import type { Limits } from "./check.js";
import type { Piece } from "./cut.js";
import type { Budget } from "./even.js";
import { doesNotFit } from "./fit.js";
import type { Ladder } from "./ladder.js";
import type { Layout } from "./layout.js";
import { type Placed, place, sketch } from "./place.js";

/**
 * Gathered bytes within this factor of the best possible are balanced: a further cut would cost more, a message and
 * for rows a partial sum, than it evens out. Nor is a table cut that exceeds its share by no more.
 */
const BALANCED = 1.125;
/** A piece of more than this factor times a rank's mean bytes is cut even where it would fit and is rarely read ... */
const LARGE_SHARE = 1.5;
/** ... but for pieces so small that nobody gains from it. */
const LARGE_BYTES = 64 * 2 ** 20;
/** Tables on the most loaded rank whose finer cut is tried. */
const CANDIDATES = 3;
/** Cuts in a row that may fail to help. */
const PATIENCE = 16;
/** Part of all tables that is cut at a time to make them fit, of all ranks that are relieved at a time; at least one. */
const AT_ONCE = 1 / 32;
/** How much a piece counts whose table cannot be cut finer with a rank for every shard: others of this size go first. */
const CROWDED = 1 / 8;
/** Sums that differ by less may be equal but for rounding. */
const ROUNDING = 1e-9;
/** See Budget: together they keep 1,000 tables over 64 ranks well below a second. */
const SEARCH_BUDGET = 20_000_000;
const PLACE_BUDGET = 8_000_000;

/** Which cut each table got, and where its pieces are. */
export interface Found {
  /** By table: the index of its cut in its ladder. */
  rungs: readonly number[];
  layout: Layout;
}

interface Task {
  /** By table. */
  ladders: readonly Ladder[];
  limits: Limits;
  budget: Budget;
}

/**
 * Cuts and places the tables, one ladder of cuts each.
 *
 * 1. A table that alone exceeds a rank's share of gathered bytes, a rank's memory, or by far a rank's share of bytes
 *    held gets the coarsest cut that does not. All others stay whole.
 * 2. While the pieces do not fit, the largest is cut finer.
 * 3. While the gathered bytes are not balanced, a table on the most loaded rank is cut finer, the one that helps most.
 * 4. The pieces are placed for good. (Of many tables or ranks, 2 and 3 take several at a time.)
 *
 * Throws EMBEDDING_PLAN if nothing it tries fits. Where whole tables and fixed cuts leave hardly a byte to spare, that
 * may be so although a perfect packing exists.
 */
export function search(ladders: readonly Ladder[], limits: Limits): Found {
  const task = { ladders, limits, budget: { left: SEARCH_BUDGET } };
  const found = cutUntilBalanced(task, cutUntilItFits(task, firstRungs(task)));
  const best = place({ pieces: found.layout.pieces, limits, budget: { left: PLACE_BUDGET } });
  return { rungs: found.rungs, layout: best.layout ?? found.layout };
}

function firstRungs({ ladders, limits }: Task): number[] {
  const totals = ladders.map((ladder) => ladder.total());
  const bytesShare = sum(totals.map(({ bytes }) => bytes)) / limits.ranks;
  const gatheredShare = sum(totals.map(({ gatheredBytes }) => gatheredBytes)) / limits.ranks;
  const most = {
    bytes: Math.min(limits.rankMemoryBytes, Math.max(LARGE_BYTES, LARGE_SHARE * bytesShare)),
    gatheredBytes: BALANCED * gatheredShare,
  };
  return ladders.map((ladder) => ladder.coarsestWithin(most));
}

/**
 * Starts from `first` and, should that come to nothing, from all tables spread as finely as they can be, or else from whole tables: cuts of
 * quantised rows may take more bytes in all than there are.
 */
function cutUntilItFits(task: Task, first: readonly number[]): Found {
  const { ladders, limits } = task;
  const coarse = cutFrom(task, first);
  if (coarse.layout !== undefined) return coarse;
  const fine = cutFrom(
    task,
    ladders.map(({ finestSpread }) => finestSpread),
  );
  if (fine.layout !== undefined) return fine;
  const whole = cutFrom(
    task,
    ladders.map(() => 0),
  );
  if (whole.layout !== undefined) return whole;
  throw doesNotFit(ladders, limits, fine.unplaced);
}

/** Cuts finer from `start` on, for half of the budget at most. */
function cutFrom({ ladders, limits, budget }: Task, start: readonly number[]): Placed & { rungs: readonly number[] } {
  const reserve = budget.left / 2;
  const rungs = [...start];
  for (;;) {
    const placed = sketch({ pieces: piecesOf(ladders, rungs), limits, budget });
    if (placed.layout !== undefined || budget.left < reserve || !cutLargest(ladders, rungs)) return { ...placed, rungs };
  }
}

/** Cuts the tables with the largest pieces one rung finer; false if none can be cut. */
function cutLargest(ladders: readonly Ladder[], rungs: number[]): boolean {
  const weights = ladders.map((ladder, table) => {
    const { bytes } = ladder.largest(rungs[table]);
    return rungs[table] < ladder.finestSpread ? bytes : CROWDED * bytes;
  });
  const largest = [...ladders.keys()]
    .filter((table) => rungs[table] + 1 < ladders[table].length)
    .sort((a, b) => weights[b] - weights[a] || a - b)
    .slice(0, Math.ceil(ladders.length * AT_ONCE));
  for (const table of largest) rungs[table]++;
  return largest.length > 0;
}

/** Also walks on over a few cuts that do not help yet; returns the coarsest of the flattest layouts on the way. */
function cutUntilBalanced(task: Task, start: Found): Found {
  const goal = BALANCED * leastPeak(task.ladders, start);
  let best = start;
  let here = start;
  for (let patience = PATIENCE; patience > 0 && task.budget.left > 0; patience--) {
    if (Math.max(...best.layout.gathered.on) <= goal) break;
    const finer = finerCuts(task, here);
    if (finer.length === 0) break;
    here = finer.reduce((flattest, other) => (isFlatter(other, flattest) ? other : flattest));
    if (!isFlatter(here, best)) continue;
    best = here;
    patience = PATIENCE;
  }
  return best;
}

/** What the most loaded rank gathers at least, however the pieces are placed. */
function leastPeak(ladders: readonly Ladder[], { rungs, layout }: Found): number {
  const mean = sum([...layout.gathered.on]) / layout.ranks;
  return ladders.reduce((peak, ladder, table) => {
    return Math.max(peak, ladder.largest(Math.max(ladder.finestSpread, rungs[table])).gatheredBytes);
  }, mean);
}

/**
 * `found` with one table on each of the most loaded ranks cut finer, where that fits: the one that weighs most there,
 * the one that weighs second, and so on.
 */
function finerCuts({ ladders, limits, budget }: Task, { rungs, layout }: Found): Found[] {
  const { on } = layout.gathered;
  const fullest = [...on.keys()].sort((a, b) => on[b] - on[a] || a - b).slice(0, Math.ceil(limits.ranks * AT_ONCE));
  const isCuttable = (table: number): boolean => rungs[table] < ladders[table].finestSpread;
  const cuttable = fullest.map((rank) => tablesByWeight(layout, rank).filter(isCuttable));
  const found: Found[] = [];
  for (let candidate = 0; candidate < CANDIDATES; candidate++) {
    const tables = new Set(cuttable.flatMap((tables) => tables.slice(candidate, candidate + 1)));
    if (tables.size === 0) break;
    const finer = rungs.map((rung, table) => (tables.has(table) ? rung + 1 : rung));
    const placed = sketch({ pieces: piecesOf(ladders, finer), limits, budget });
    if (placed.layout !== undefined) found.push({ rungs: finer, layout: placed.layout });
  }
  return found;
}

/** The tables that have pieces on the rank, the one with the most gathered bytes first. */
function tablesByWeight({ pieces, owners, gathered, bytes }: Layout, rank: number): number[] {
  const here = [...pieces.keys()].filter((piece) => owners[piece] === rank);
  // Of equally hot tables, the larger: cutting a small one by rows buys little for its partial sums.
  here.sort((a, b) => gathered.of[b] - gathered.of[a] || bytes.of[b] - bytes.of[a] || a - b);
  return [...new Set(here.map((piece) => pieces[piece].table))];
}

/** Is the most loaded rank of `a` less loaded than that of `b`, or equally, and the others nearer to the mean? */
function isFlatter({ layout: a }: Found, { layout: b }: Found): boolean {
  const [peakA, peakB] = [a, b].map(({ gathered }) => Math.max(...gathered.on));
  if (Math.abs(peakA - peakB) > ROUNDING * peakB) return peakA < peakB;
  const [squaresA, squaresB] = [a, b].map(({ gathered }) => sum(Array.from(gathered.on, (load) => load * load)));
  return squaresA < squaresB * (1 - ROUNDING);
}

function piecesOf(ladders: readonly Ladder[], rungs: readonly number[]): Piece[] {
  return ladders.flatMap((ladder, table) => ladder.piecesOf(rungs[table]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
