import type { Limits } from "./check.js";
import type { Piece } from "./cut.js";
import { type Budget, EVEN, even } from "./even.js";
import { Layout, type Measure } from "./layout.js";

/** What sorting costs for each piece, in looks. */
const SORT_LOOKS = 16;

/** Pieces that are to get ranks, and the work that it may cost. */
export interface Problem {
  pieces: readonly Piece[];
  limits: Limits;
  budget: Budget;
}

/** All pieces on ranks, or one that finds none. */
export type Placed = { layout: Layout; unplaced?: undefined } | { layout?: undefined; unplaced: Piece };

/** A layout with even gathered bytes, whatever bytes are held: cheap, and enough to see what a cut is worth. */
export function sketch(problem: Problem): Placed {
  const placed = arrange(problem, "gathered");
  return placed.layout === undefined ? arrange(problem, "bytes") : placed;
}

/** The best layout we know: gathered bytes at least as even as in the sketch but for 1 %, then bytes held. */
export function place({ pieces, limits, budget }: Problem): Placed {
  const [byGathered, byBytes] = (["gathered", "bytes"] as const).map((first) => {
    // A quarter of the budget for each step, lest the first leave nothing to the others.
    const placed = arrange({ pieces, limits, budget: { left: budget.left / 4 } }, first);
    if (placed.layout !== undefined) evenBytes(placed.layout, { left: budget.left / 4 });
    return placed;
  });
  if (byGathered.layout === undefined) return byBytes;
  return byBytes.layout !== undefined && isBetter(byBytes.layout, byGathered.layout) ? byBytes : byGathered;
}

/** Fills the ranks, heaviest first by one measure or the other (bytes held pack tighter), and evens gathered bytes. */
function arrange({ pieces, limits, budget }: Problem, first: "gathered" | "bytes"): Placed {
  if (pieces.reduce((sum, piece) => sum + piece.bytes, 0) > limits.totalMemoryBytes) {
    return { unplaced: pieces.reduce((largest, piece) => (piece.bytes > largest.bytes ? piece : largest)) };
  }
  const layout = new Layout(pieces, limits.ranks, limits.rankMemoryBytes);
  const { gathered, bytes } = layout;
  const unplaced = fill(layout, first === "gathered" ? [gathered, bytes] : [bytes, gathered], budget);
  if (unplaced !== undefined) return { unplaced };
  even(layout, [gathered, bytes], budget);
  return { layout };
}

function evenBytes(layout: Layout, budget: Budget): void {
  const { gathered, bytes } = layout;
  gathered.cap = EVEN * Math.max(...gathered.on);
  even(layout, [bytes, gathered], budget);
}

function isBetter(a: Layout, b: Layout): boolean {
  const [gatheredA, gatheredB] = [a, b].map(({ gathered }) => Math.max(...gathered.on));
  if (Math.max(gatheredA, gatheredB) > EVEN * Math.min(gatheredA, gatheredB)) return gatheredA < gatheredB;
  return Math.max(...a.bytes.on) < Math.max(...b.bytes.on);
}

/**
 * Gives every piece a rank, heaviest by `first` first, each to the rank with the least of it that has room (longest
 * processing time first); `second`, then the number of the rank decide ties. The lightest pieces, together too light to
 * matter, go by `second` instead. Returns the piece that fits nowhere, if any.
 */
function fill(layout: Layout, [first, second]: readonly [Measure, Measure], budget: Budget): Piece | undefined {
  budget.left -= layout.pieces.length * (layout.ranks + SORT_LOOKS);
  const order = heavyFirst([...layout.pieces.keys()], first, second);
  const negligible = countNegligible(order, first, layout.ranks);
  const head = order.slice(0, order.length - negligible);
  const tail = heavyFirst(order.slice(head.length), second, first);
  return fillInOrder(layout, head, [first, second]) ?? fillInOrder(layout, tail, [second, first]);
}

function heavyFirst(pieces: readonly number[], first: Measure, second: Measure): number[] {
  return pieces.toSorted((a, b) => first.of[b] - first.of[a] || second.of[b] - second.of[a] || a - b);
}

/** How many pieces at the end of the order are so light that all of them on one rank would leave it EVEN. */
function countNegligible(order: readonly number[], { of }: Measure, ranks: number): number {
  const enough = ((EVEN - 1) * of.reduce((sum, weight) => sum + weight, 0)) / ranks;
  let [count, weight] = [0, 0];
  for (let index = order.length - 1; index >= 0; index--, count++) {
    weight += of[order[index]];
    if (weight > enough) break;
  }
  return count;
}

function fillInOrder(layout: Layout, order: readonly number[], [first, second]: readonly [Measure, Measure]): Piece | undefined {
  const { bytes } = layout;
  for (const piece of order) {
    let best: number | undefined;
    for (let rank = 0; rank < layout.ranks; rank++) {
      if (!layout.admits(piece, rank) || bytes.on[rank] + bytes.of[piece] > bytes.cap) continue;
      if (best === undefined || (first.on[rank] - first.on[best] || second.on[rank] - second.on[best]) < 0) best = rank;
    }
    if (best === undefined) return layout.pieces[piece];
    layout.give(piece, best);
  }
  return undefined;
}
