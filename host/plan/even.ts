import type { Layout, Measure } from "./layout.js";

/** Work left, in looks at a pair of pieces or at a piece and a rank: bounds planning by count, not by the clock. */
export interface Budget {
  left: number;
}

/** Loads within this factor of the mean, and layouts within this factor of each other, count as equally good. */
export const EVEN = 1.01;
/** Part of its load by which a change must lower the most loaded rank, else it is not worth the search for it. */
const LEAST_GAIN = 1e-3;

/** A piece that goes to another rank, against one from there or against nothing. */
interface Change {
  piece: number;
  from: number;
  to: number;
  against: number | undefined;
}

/**
 * Lowers the most loaded rank by the first measure with the move or swap that helps most, and again, until it is EVEN,
 * nothing helps, or the budget is used up. Ranks that change stay within the cap of the second measure.
 */
export function even(layout: Layout, measures: readonly [Measure, Measure], budget: Budget): void {
  const { on } = measures[0];
  const goal = (EVEN * on.reduce((sum, load) => sum + load, 0)) / layout.ranks;
  while (Math.max(...on) > goal) {
    const change = bestChange(layout, measures, budget);
    if (change === undefined) return;
    layout.give(change.piece, change.to);
    if (change.against !== undefined) layout.give(change.against, change.from);
  }
}

/** The change that leaves the heavier of both ranks, the most loaded and another one, with the least. */
function bestChange(layout: Layout, [first, second]: readonly [Measure, Measure], budget: Budget): Change | undefined {
  const from = first.on.indexOf(Math.max(...first.on));
  const leastGain = LEAST_GAIN * first.on[from];
  let peak = first.on[from] - leastGain;
  let best: Change | undefined;

  /** Keeps the change if it is allowed and the best so far. */
  const consider = (piece: number, to: number, against?: number): void => {
    const less = first.of[piece] - (against === undefined ? 0 : first.of[against]);
    const after = Math.max(first.on[from] - less, first.on[to] + less);
    if (after >= peak) return;
    const lessSecond = second.of[piece] - (against === undefined ? 0 : second.of[against]);
    if (second.on[from] - lessSecond > second.cap || second.on[to] + lessSecond > second.cap) return;
    if (!layout.admits(piece, to) || (against !== undefined && !layout.admits(against, from))) return;
    peak = after;
    best = { piece, from, to, against };
  };

  for (const piece of layout.movable) {
    if (layout.owners[piece] !== from || first.of[piece] < leastGain) continue;
    if (budget.left <= 0) break;
    budget.left -= layout.ranks + layout.movable.length;
    for (let rank = 0; rank < layout.ranks; rank++) {
      if (rank !== from) consider(piece, rank);
    }
    for (const against of layout.movable) {
      if (layout.owners[against] !== from) consider(piece, layout.owners[against], against);
    }
  }
  return best;
}
