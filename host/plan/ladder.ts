import { storedBytes, storedRow } from "../rows/rows.js";
import { type CheckedTable, MAX_SHARDS, type WantedCut } from "./check.js";
import { type Cut, columnBorders, cutTable, defaultColumnShards, defaultRowShards, lineColumns, type Piece, placedBytes } from "./cut.js";

/** Shards of one table for each rank: so fine that they fill what room fixed cuts leave but for a sixteenth of a share. */
const MOST_CROWDED = 16;

/** Bytes that pieces take and bytes that a sample gathers from them on their owners. */
export interface Weight {
  bytes: number;
  gatheredBytes: number;
}

interface Rung {
  pieces: readonly Piece[];
  largest: Weight;
}

/**
 * The ways to cut one table that are worth trying, from coarse to fine, each with a smaller largest piece than the one
 * before. A cut that the caller chose is a ladder of one rung. Else:
 *
 * 1. the whole table;
 * 2. columns, while a shard has a cache line of them and a rank of its own: the pooled bits stay the same for every
 *    number of shards, and the balance holds whatever rows are hot;
 * 3. rows, only where a row is too short for columns: tables are often sorted by how often a row is used, and then the rank
 *    with the first rows gathers most of them, whatever is predicted here;
 * 4. more shards than ranks, for memory that even shares do not fit into.
 *
 * None of them needs more bytes in all, or gathers more, than the whole table; but for columns of int8, int4 and int2 rows, whose shards have
 * a scale and a bias of their own each, and for tables with keys, whose index is on every rank with a shard and is read there for every lookup.
 */
export class Ladder {
  readonly length: number;
  /** The finest rung that has a rank for every shard, or was the caller's choice. */
  readonly finestSpread: number;
  private readonly cuts: readonly Cut[];
  /** Made when first asked for: most never are. */
  private readonly rungs = new Map<number, Rung>();

  constructor(
    readonly table: CheckedTable,
    private readonly index: number,
    private readonly ranks: number,
  ) {
    const { wanted } = table;
    this.cuts = wanted === "auto" ? autoCuts(table, ranks) : [chosenCut(table, wanted, ranks)];
    this.length = this.cuts.length;
    this.finestSpread = wanted === "auto" ? this.cuts.findLastIndex(({ shards }) => shards <= ranks) : 0;
  }

  cut(rung: number): Cut {
    return this.cuts[rung];
  }

  piecesOf(rung: number): readonly Piece[] {
    return this.rung(rung).pieces;
  }

  /** The largest piece, in either respect. */
  largest(rung: number): Weight {
    return this.rung(rung).largest;
  }

  /** All pieces of the table together. */
  total(): Weight {
    return this.piecesOf(0).reduce(
      (sum, piece) => ({
        bytes: sum.bytes + piece.bytes + piece.indexBytes,
        gatheredBytes: sum.gatheredBytes + placedBytes(piece),
      }),
      { bytes: 0, gatheredBytes: 0 },
    );
  }

  /** The coarsest rung whose pieces are all within `most`, or the finest that spreads where none is. */
  coarsestWithin(most: Weight): number {
    for (let rung = 0; rung < this.finestSpread; rung++) {
      const { bytes, gatheredBytes } = this.largest(rung);
      if (bytes <= most.bytes && gatheredBytes <= most.gatheredBytes) return rung;
    }
    return this.finestSpread;
  }

  private rung(index: number): Rung {
    const known = this.rungs.get(index);
    if (known !== undefined) return known;
    const cut = this.cuts[index];
    const pieces = cutTable(this.table, this.index, cut);
    // Shards on the same rank share the index there: each counts a part of it.
    for (const piece of pieces) piece.indexBytes = Math.ceil(piece.indexBytes * Math.min(1, this.ranks / cut.shards));
    const largest = {
      bytes: pieces.reduce((most, { bytes, indexBytes }) => Math.max(most, bytes + indexBytes), 0),
      gatheredBytes: pieces.reduce((most, piece) => Math.max(most, placedBytes(piece)), 0),
    };
    const made = { pieces, largest };
    this.rungs.set(index, made);
    return made;
  }
}

function chosenCut(table: CheckedTable, { by, shards }: WantedCut, ranks: number): Cut {
  const defaults = { table: 1, row: defaultRowShards(table.numRows, ranks), column: defaultColumnShards(table, ranks) };
  const count = shards ?? defaults[by];
  return { by: count === 1 ? "table" : by, shards: count };
}

/** The cuts of a ladder that the planner may climb. */
function autoCuts(table: CheckedTable, ranks: number): Cut[] {
  const most = { column: Math.floor(table.dim / lineColumns(table.dtype)), row: table.numRows };
  const cuts: Cut[] = [{ by: "table", shards: 1 }];
  const spreadBy = most.column >= 2 ? "column" : "row";
  for (let shards = 2; shards <= Math.min(ranks, most[spreadBy]); shards++) cuts.push({ by: spreadBy, shards });
  // One rank gains nothing from them.
  for (let shards = 2 * ranks; ranks > 1 && shards <= Math.min(MAX_SHARDS, MOST_CROWDED * ranks); shards *= 2) {
    const by = shards <= most.column ? "column" : "row";
    if (shards <= most[by]) cuts.push({ by, shards });
  }
  let share = Infinity;
  return cuts.filter((cut) => {
    const finer = largestShare(table, cut) < share;
    if (finer) share = largestShare(table, cut);
    return finer;
  });
}

/** The largest shard's part of the table. */
function largestShare({ numRows, dim, dtype }: CheckedTable, { by, shards }: Cut): number {
  if (by === "row") return Math.ceil(numRows / shards) / numRows;
  const borders = columnBorders({ dim, dtype }, shards);
  const widest = borders.slice(1).reduce((most, border, shard) => Math.max(most, border - borders[shard]), 0);
  return storedBytes(storedRow(dtype, widest), 1) / storedBytes(storedRow(dtype, dim), 1);
}
