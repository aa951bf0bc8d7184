import type { LookupSeen, Model } from "../model/model.js";

/** One lookup of so many is looked at. */
const LOOK_AT_EVERY = 16;
/** Of a feature's indices in a lookup at most so many, spread evenly. */
const INDICES_PER_FEATURE = 32;
/** Rows that are counted for a feature; when there are more, the rare half is forgotten. */
const COUNTED_ROWS = 512;

/** How much a feature is asked for, over the lookups that were looked at. */
export interface HotFeature {
  feature: string;
  /** Rows, of all lookups looked at. */
  rows: number;
  /** The rows that were seen most, with their share of what was counted, 0 to 1. */
  top: readonly { row: string; share: number }[];
}

interface Counted {
  rows: number;
  counted: number;
  counts: Map<number | bigint, number>;
}

/** Samples lookups for the features, and the rows of them, that are asked for most. Keeps counts, never a request. */
export class HotFeatures {
  readonly #models = new Map<Model, Map<string, Counted>>();
  #lookups = 0;

  note({ model, prepared: { batch } }: LookupSeen): void {
    this.#lookups += 1;
    if (this.#lookups % LOOK_AT_EVERY !== 1) return;
    const features = batch.features ?? model.features.map(({ name }) => name);
    const counted = this.#models.get(model) ?? new Map<string, Counted>();
    this.#models.set(model, counted);
    for (const [f, feature] of features.entries()) {
      const begin = batch.offsets[f * batch.batchSize];
      const end = batch.offsets[(f + 1) * batch.batchSize];
      const own = counted.get(feature) ?? { rows: 0, counted: 0, counts: new Map() };
      counted.set(feature, own);
      own.rows += end - begin;
      const stride = Math.max(1, Math.ceil((end - begin) / INDICES_PER_FEATURE));
      for (let position = begin; position < end; position += stride) count(own, batch.indices[position]);
    }
  }

  /** The features of a model, the most asked for first. */
  of(model: Model): HotFeature[] {
    const features = [...(this.#models.get(model) ?? [])].map(([feature, { rows, counted, counts }]) => ({
      feature,
      rows,
      top: [...counts]
        .sort(([, a], [, b]) => b - a)
        .slice(0, 5)
        .map(([row, times]) => ({ row: String(row), share: times / Math.max(1, counted) })),
    }));
    return features.sort((a, b) => b.rows - a.rows);
  }
}

function count(own: Counted, row: number | bigint): void {
  own.counted += 1;
  own.counts.set(row, (own.counts.get(row) ?? 0) + 1);
  if (own.counts.size <= COUNTED_ROWS) return;
  const kept = [...own.counts].sort(([, a], [, b]) => b - a).slice(0, COUNTED_ROWS / 2);
  own.counts = new Map(kept);
}
