import type { Engine } from "./engine.js";
import type { LookupBatch } from "./lookup/batch.js";
import type { FilledOptions } from "./resolve.js";

/** What was measured. */
export interface Calibration {
  handoverUs: number;
  gatherNsPerByte: number;
  /** Lookups that gather at most this many bytes are faster on the caller's thread. */
  limitBytes: number;
}

/** Opening takes this much longer, give or take a lookup. */
const BUDGET_MS = 15;
const HANDOVER_SHARE = 0.5;
/** A hand-over that seems to take longer was disturbed; the caller's thread is not to be blocked longer than this. */
const MAX_HANDOVER_US = 200;
/** Gathering is timed on lookups of about this many bytes: about the size that the answer is about; eight of them pass a second-level cache. */
const SAMPLE_BYTES = 131072;

/** The median of the later half: the earlier half ran code that was not compiled yet, on pages that nobody had touched. */
function warmMedian(values: readonly number[]): number {
  const warm = values.slice(Math.floor(values.length / 2)).sort((a, b) => a - b);
  return warm[Math.floor(warm.length / 2)];
}

/** Also on a slow machine: so that the later half is warm. */
const LEAST_GATHERS = 8;
/** Different lookups to time: one that is repeated would find its rows in the cache. */
const SAMPLES = 8;

/** A key of a table that has keys, another one for every 32-bit number. */
type KeyOf = (table: number, random: number) => bigint;

/** One sample that reads rowsPerBag random rows of every feature's table. */
function randomBatch(
  { features, tables }: FilledOptions,
  keyOf: KeyOf,
  { rowsPerBag, start }: { rowsPerBag: number; start: number },
): LookupBatch {
  // xorshift32: any sequence without a pattern does.
  let seed = start;
  const count = features.length * rowsPerBag;
  const keyed = tables.some(({ keys }) => keys !== undefined);
  const indices = keyed ? new BigInt64Array(count) : new Int32Array(count);
  for (let n = 0; n < indices.length; n += 1) {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    const { table } = features[Math.floor(n / rowsPerBag)];
    const row = (seed >>> 0) % tables[table].numRows;
    if (keyed) indices[n] = tables[table].keys === undefined ? BigInt(row) : keyOf(table, seed >>> 0);
    else indices[n] = row;
  }
  return { batchSize: 1, indices, offsets: Int32Array.from({ length: features.length + 1 }, (_, f) => f * rowsPerBag) };
}

/**
 * Measures where the caller's thread stops being faster: the time of a hand-over against the time to gather a byte here. A lookup
 * stays here while it takes no longer than a hand-over would, so "auto" never blocks the caller for longer than that.
 * The engine must be new, its inline limit 0. keyOf: keys for the tables that have some, so that no lookup misses.
 */
export async function calibrate(engine: Engine, options: FilledOptions, keyOf: KeyOf): Promise<Calibration> {
  const start = performance.now();
  const empty = randomBatch(options, keyOf, { rowsPerBag: 0, start: 1 });
  const handovers: number[] = [];
  do {
    const started = performance.now();
    (await engine.lookup(empty)).release();
    handovers.push(performance.now() - started);
  } while (performance.now() - start < BUDGET_MS * HANDOVER_SHARE);
  const handoverUs = Math.min(MAX_HANDOVER_US, warmMedian(handovers) * 1000);
  const rowsBytes = options.features.reduce((sum, feature) => sum + feature.rowBytes, 0);
  const rowsPerBag = Math.max(1, Math.floor(SAMPLE_BYTES / rowsBytes));
  const samples = Array.from({ length: SAMPLES }, (_, n) => randomBatch(options, keyOf, { rowsPerBag, start: 0x9e3779b9 + n }));
  const gathers: number[] = [];
  do {
    const started = performance.now();
    engine.lookupSync(samples[gathers.length % SAMPLES]);
    gathers.push(((performance.now() - started) * 1e6) / (rowsPerBag * rowsBytes));
  } while (performance.now() - start < BUDGET_MS || gathers.length < LEAST_GATHERS);
  const gatherNsPerByte = warmMedian(gathers);
  return { handoverUs, gatherNsPerByte, limitBytes: Math.floor((handoverUs * 1000) / gatherNsPerByte) };
}
