import { type Piece, placedBytes } from "./cut.js";

/** One of the two things that are balanced: bytes gathered per sample, or bytes held. */
export interface Measure {
  /** By piece. */
  readonly of: Float64Array;
  /** By rank: the sum over its pieces. */
  readonly on: Float64Array;
  /** What a rank may reach at most. */
  cap: number;
}

/** Pieces on ranks, in the making. Pieces of one table keep off each other's ranks while there are ranks enough. */
export class Layout {
  /** By piece: its rank, NOWHERE before it has one. */
  readonly owners: Int16Array;
  readonly gathered: Measure;
  readonly bytes: Measure;
  /** The pieces that could ever change ranks: not those of a table that has one on every rank. */
  readonly movable: readonly number[];
  /** By piece: does it keep off ranks that hold another piece of its table? */
  private readonly apart: Uint8Array;
  /** By table and rank: pieces there. */
  private readonly held: Uint16Array;

  static readonly NOWHERE = -1;

  constructor(
    readonly pieces: readonly Piece[],
    readonly ranks: number,
    rankMemoryBytes: number,
  ) {
    const tables = pieces.reduce((most, piece) => Math.max(most, piece.table + 1), 0);
    const counts = new Uint16Array(tables);
    for (const piece of pieces) counts[piece.table]++;
    this.apart = Uint8Array.from(pieces, (piece) => (counts[piece.table] <= ranks ? 1 : 0));
    this.movable = [...pieces.keys()].filter((piece) => counts[pieces[piece].table] !== ranks);
    this.held = new Uint16Array(tables * ranks);
    this.owners = new Int16Array(pieces.length).fill(Layout.NOWHERE);
    const gatheredOf = Float64Array.from(pieces, placedBytes);
    const bytesOf = Float64Array.from(pieces, (piece) => piece.bytes + piece.indexBytes);
    this.gathered = { of: gatheredOf, on: new Float64Array(ranks), cap: Infinity };
    this.bytes = { of: bytesOf, on: new Float64Array(ranks), cap: rankMemoryBytes };
  }

  /** May the piece go to the rank as far as its table's other pieces are concerned? */
  admits(piece: number, rank: number): boolean {
    return this.apart[piece] === 0 || this.held[this.pieces[piece].table * this.ranks + rank] === 0;
  }

  /** Gives the piece to the rank, and takes it from the one that had it. */
  give(piece: number, rank: number): void {
    const from = this.owners[piece];
    if (from !== Layout.NOWHERE) this.count(piece, from, -1);
    this.count(piece, rank, 1);
    this.owners[piece] = rank;
  }

  private count(piece: number, rank: number, sign: 1 | -1): void {
    this.held[this.pieces[piece].table * this.ranks + rank] += sign;
    this.gathered.on[rank] += sign * this.gathered.of[piece];
    this.bytes.on[rank] += sign * this.bytes.of[piece];
  }
}
