/** How often a feature's rows are asked for. */
export interface FeatureAccess {
  /** Rows that were asked for. */
  lookups: number;
  /** Indices that were looked at to find hot rows. */
  sampled: number;
  /** Rows by how often they were among the sampled, at most 64, most often first. Counts are low by at most sampled / 256. */
  hotRows: { row: number; count: number }[];
  /** Of the sampled, how many each shard of a table that is cut by rows holds; empty for other tables. */
  shardCounts: number[];
}

/** Counters a feature. More see hot rows more exactly: a row with more than 1 / 256 of the lookups is never missed. */
const COUNTERS = 256;
const SHOWN = 64;
/** Indices of a step that are looked at. */
const SAMPLES = 32;

/** What a step's piece asks for, feature by feature. */
export interface AccessedPiece {
  samples: number;
  /** Features of the engine, by slot. */
  features: readonly number[];
  /** Positions of a slot's first and last index. */
  range: (slot: number) => readonly [begin: number, end: number];
  indices: Int32Array | BigInt64Array;
}

/** Misra and Gries: the frequent elements of a stream, with a fixed number of counters. */
class Frequent {
  readonly counts = new Map<number, number>();

  add(element: number): void {
    const count = this.counts.get(element);
    if (count !== undefined) this.counts.set(element, count + 1);
    else if (this.counts.size < COUNTERS) this.counts.set(element, 1);
    else {
      for (const [other, n] of this.counts) {
        if (n === 1) this.counts.delete(other);
        else this.counts.set(other, n - 1);
      }
    }
  }
}

/** Counts what lookups ask for: rows a feature exactly, hot rows by samples. On the caller's thread, some microseconds a step. */
export class AccessLog {
  readonly #features: { lookups: number; sampled: number; frequent: Frequent; shardStarts: readonly number[]; shardCounts: number[] }[];
  /** Samples of batches. */
  samples = 0;
  #state = 0x9e3779b9;

  /** shardStarts: of every feature, the first row of each shard of its table where that is cut by rows, else nothing. */
  constructor(shardStarts: readonly (readonly number[])[]) {
    this.#features = shardStarts.map((starts) => ({
      lookups: 0,
      sampled: 0,
      frequent: new Frequent(),
      shardStarts: starts,
      shardCounts: starts.map(() => 0),
    }));
  }

  note({ samples, features, range, indices }: AccessedPiece): void {
    this.samples += samples;
    let most = 0;
    for (let slot = 0; slot < features.length; slot += 1) {
      const [begin, end] = range(slot);
      this.#features[features[slot]].lookups += end - begin;
      most += end - begin;
    }
    if (most === 0) return;
    for (let n = 0; n < SAMPLES; n += 1) {
      // A slot at random, then an index of it: few features of many are looked at, over many steps all.
      const slot = this.#random(features.length);
      const [begin, end] = range(slot);
      if (begin === end) continue;
      const access = this.#features[features[slot]];
      access.sampled += 1;
      const row = Number(indices[begin + this.#random(end - begin)]);
      access.frequent.add(row);
      const shard = access.shardStarts.findLastIndex((start) => start <= row);
      if (shard >= 0) access.shardCounts[shard] += 1;
    }
  }

  /** Of each feature, since the engine opened. */
  get features(): FeatureAccess[] {
    return this.#features.map(({ lookups, sampled, frequent, shardCounts }) => ({
      lookups,
      sampled,
      shardCounts: [...shardCounts],
      hotRows: [...frequent.counts]
        .map(([row, count]) => ({ row, count }))
        .sort((a, b) => b.count - a.count || a.row - b.row)
        .slice(0, SHOWN),
    }));
  }

  /** xorshift32: which indices are looked at must not follow the data's own period. */
  #random(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }
}
