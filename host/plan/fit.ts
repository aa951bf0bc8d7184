import { EmbeddingError } from "../errors.js";
import type { CheckedTable, Limits } from "./check.js";
import type { Piece } from "./cut.js";
import type { Ladder } from "./ladder.js";

const GIB = 2 ** 30;
const GIB_DIGITS = 2;

/**
 * Throws what can be known before any table is placed: EMBEDDING_MEMORY_LIMIT if the tables together are too large,
 * EMBEDDING_PLAN if a shard that the caller fixed, or a single row, is larger than a rank.
 */
export function checkFit(ladders: readonly Ladder[], { ranks, rankMemoryBytes, totalMemoryBytes }: Limits): void {
  // What the planner cuts itself takes no byte less than the whole table, so this is known already.
  const needed = neededBytes(ladders);
  const capacity = ranks * rankMemoryBytes;
  if (needed > totalMemoryBytes) {
    throw tooLarge(needed, totalMemoryBytes, `totalMemoryBytes = ${shown(totalMemoryBytes)}`);
  }
  if (needed > capacity) {
    throw tooLarge(needed, capacity, `${ranks} ranks x rankMemoryBytes = ${ranks} x ${rankMemoryBytes} = ${shown(capacity)}`);
  }
  for (const ladder of ladders) {
    if (ladder.largest(0).bytes <= rankMemoryBytes) continue;
    const { bytes } = ladder.largest(ladder.length - 1);
    if (bytes <= rankMemoryBytes) continue;
    const { name, wanted } = ladder.table;
    const message =
      `table ${JSON.stringify(name)}: its largest shard needs ${shown(bytes)} with row padding${wantsIndex(ladder.table)} on one rank, ` +
      `expected at most rankMemoryBytes = ${shown(rankMemoryBytes)}; ${wayOut(wanted)}`;
    throw new EmbeddingError("EMBEDDING_PLAN", message, { table: name, got: bytes, expected: rankMemoryBytes });
  }
}

/** The error for tables that would fit all ranks together, but not each rank as they are cut; `unplaced` found no rank. */
export function doesNotFit(ladders: readonly Ladder[], { ranks, rankMemoryBytes }: Limits, unplaced: Piece): EmbeddingError {
  const { name, wanted } = ladders[unplaced.table].table;
  const advice =
    wanted === "auto" && ladders.some(({ table }) => table.wanted !== "auto")
      ? 'sharding "auto" on more tables or a larger rankMemoryBytes makes room'
      : wayOut(wanted);
  const message =
    `table ${JSON.stringify(name)}: no rank has room left for a shard of ${shown(unplaced.bytes + unplaced.indexBytes)} with row padding${wantsIndex(ladders[unplaced.table].table)}; ` +
    `all tables need ${shown(neededBytes(ladders))}, got ${ranks} ranks x rankMemoryBytes = ` +
    `${ranks} x ${rankMemoryBytes} = ${shown(ranks * rankMemoryBytes)}; ${advice}`;
  return new EmbeddingError("EMBEDDING_PLAN", message, {
    table: name,
    got: unplaced.bytes + unplaced.indexBytes,
    expected: rankMemoryBytes,
  });
}

function wantsIndex({ keyed }: CheckedTable): string {
  return keyed ? " and the key index" : "";
}

function tooLarge(needed: number, limit: number, limitShown: string): EmbeddingError {
  const message = `the tables need ${shown(needed)} with row padding, expected at most ${limitShown}`;
  return new EmbeddingError("EMBEDDING_MEMORY_LIMIT", message, { got: needed, expected: limit });
}

function wayOut(wanted: CheckedTable["wanted"]): string {
  if (wanted === "auto") return "a larger rankMemoryBytes or more ranks make room";
  if (wanted.by === "table") return 'sharding "row", "column" or "auto" cuts the table';
  return 'more shards or sharding "auto" cut the table finer';
}

function neededBytes(ladders: readonly Ladder[]): number {
  return ladders.reduce((sum, ladder) => sum + ladder.total().bytes, 0);
}

function shown(bytes: number): string {
  return `${bytes} bytes (${(bytes / GIB).toFixed(GIB_DIGITS)} GiB)`;
}
