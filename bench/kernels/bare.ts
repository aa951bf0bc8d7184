/**
 * The kernels without an engine: memories and records as openEngine lays them for one rank, and then nothing but calls of the raw export
 * `poolPiece`. What this misses against lookupSync is the road: checks, copies in and out.
 */
import { BatchChecker } from "#host/lookup/batch.js";
import { copyPiece, writeFeatureMap } from "#host/lookup/copy.js";
import { type ExchangeViews, measurePiece, viewsOf, wholePiece } from "#host/lookup/piece.js";
import { type KernelExports, LAYOUT } from "#host/memory/abi.js";
import { Allocator } from "#host/memory/allocator.js";
import { HugePages, type HugePagesMode, type HugePagesStats } from "#host/memory/hugepages.js";
import { createMemory, instantiateKernel, loadKernel } from "#host/memory/kernel.js";
import { alignLine, layMemory, type MemoryMap } from "#host/memory/map.js";
import { type RankJobs, writeRecords } from "#host/memory/records.js";
import { planTables } from "#host/plan/plan.js";
import { resolveOptions } from "#host/resolve.js";
import type { Contender } from "../engine/contenders.js";
import { keep } from "../measure/keep.js";
import type { Batch, Workload } from "../workloads/workload.js";

/** A batch whose input lies in the exchange memory already. */
interface PlacedBatch {
  recordPtr: number;
  bags: number;
}

/** What became of huge pages, in a line: "off", or "on: 98 % of the table rows ...". */
export function hugePagesText({ state, reason }: HugePagesStats): string {
  return state === "off" ? state : `${state}: ${reason}`;
}

export class BareKernel {
  readonly #kernel: KernelExports;
  readonly #jobs: RankJobs;
  readonly #views: ExchangeViews;
  readonly #allocator: Allocator;
  readonly #checker: BatchChecker;
  readonly #map: MemoryMap;
  readonly memoryMode: string;
  /** The tables' rows where they lie, for contenders that only read them; undefined if they are padded. */
  readonly rows: Float32Array[] | undefined;
  /** What became of huge pages under the rows. */
  readonly hugePages: string;

  /** Fills the tables by the workload's seed. */
  constructor({ seededTables, bagSizes }: Workload, { hugePages: mode }: { hugePages: HugePagesMode }) {
    const tables = seededTables.map(({ name, numRows, dim, rows }, index) => {
      const lookupsPerSample = bagSizes[index];
      return { name, numRows, dim, rows, lookupsPerSample, sharding: "table" } as const;
    });
    const options = resolveOptions({ tables, ranks: 1 });
    const { memory: memoryMode, features, lagBound, exchangeMemoryBytes } = options;
    const plan = planTables(tables, { ranks: 1 });
    const map = layMemory({
      mode: memoryMode,
      ranks: 1,
      lagBound,
      plan,
      tables: options.tables,
      features,
      stage: false,
      workStealing: false,
      exchangeMemoryBytes,
    });
    const memory = createMemory(map.tablesBytes[0]);
    const exchange = memoryMode === "one" ? memory : createMemory(map.exchangeBytes);
    const hugePages = new HugePages(mode);
    hugePages.ask(new Uint8Array(memory.buffer, 0, memoryMode === "one" ? map.controlPtr : map.tablesBytes[0]));
    this.memoryMode = memoryMode;
    this.#map = map;
    this.#views = viewsOf(exchange);
    this.#jobs = writeRecords({ plan, map, features, tables: options.tables, words: this.#views.words }).jobs[0];
    this.#checker = new BatchChecker(options, { filtered: [], resolved: [] });
    writeFeatureMap(this.#checker.all, this.#views.words, map.featureMapPtr);
    this.#allocator = new Allocator(map.heapPtr, map.heapBytes);
    this.#kernel = instantiateKernel(loadKernel(memoryMode), memory, exchange);
    const shards = plan.shards.map(({ table, strideBytes, bytes }, shard) => ({
      table: seededTables[table],
      strideFloats: strideBytes / 4,
      floats: new Float32Array(memory.buffer, map.shardPtrs[shard], bytes / 4),
    }));
    for (const { table, strideFloats, floats } of shards) {
      const { numRows, dim, rows } = table;
      if (strideFloats === dim) rows(0, numRows, floats);
      else for (let row = 0; row < numRows; row += 1) rows(row, 1, floats.subarray(row * strideFloats, row * strideFloats + dim));
    }
    hugePages.lookBack();
    this.hugePages = hugePagesText(hugePages.stats);
    this.rows = shards.every(({ table, strideFloats }) => strideFloats === table.dim)
      ? seededTables.map((table) => (shards.find((shard) => shard.table === table) ?? shards[0]).floats)
      : undefined;
  }

  /** A contender over some batches, which are copied in now; a run is all of them. */
  contender(name: string, { batches, rowsPerBatch }: Workload): Contender {
    const { columns } = this.#checker.all;
    const samples = Math.max(...batches.map(({ batchSize }) => batchSize));
    const resultPtr = this.#allocate(samples * columns * 4);
    const errorPtr = this.#allocate(LAYOUT.ERROR_BYTES);
    const placed = new Map(batches.map((batch) => [batch, this.#place(batch, resultPtr)]));
    const kernel = this.#kernel;
    const { ptr, count } = this.#jobs;
    const call = ({ recordPtr, bags }: PlacedBatch): number =>
      kernel.poolPiece(ptr, count, recordPtr, 0, bags, resultPtr, columns * 4, 0, 0, 0, errorPtr);
    const calls = [...placed.values()];
    return {
      timed: {
        kind: "sync",
        name,
        unitsPerRun: rowsPerBatch * batches.length,
        run: () => {
          for (let n = 0; n < calls.length; n += 1) keep(call(calls[n]));
        },
      },
      lookup: (some, read) => {
        for (const batch of some) {
          const one = placed.get(batch);
          if (one === undefined) throw new Error(`${name}: a batch that was not copied in`);
          const status = call(one);
          if (status !== LAYOUT.STATUS_OK) throw new Error(`${name}: got status ${status}, expected ${LAYOUT.STATUS_OK}`);
          read(this.#views.floats.subarray(resultPtr / 4, resultPtr / 4 + one.bags * columns), batch);
        }
      },
      tolerance: 0,
      facts: { memoryMode: this.memoryMode, hugePages: this.hugePages },
    };
  }

  #place(batch: Batch, resultPtr: number): PlacedBatch {
    const piece = wholePiece(this.#checker.check(batch));
    const { columns } = this.#checker.all;
    const recordPtr = this.#allocate(LAYOUT.PIECE_BYTES);
    copyPiece(piece, {
      views: this.#views,
      kernel: this.#kernel,
      wholeMapPtr: this.#map.featureMapPtr,
      inputPtr: this.#allocate(measurePiece(piece, columns).inputBytes),
      resultPtr,
      rowColumns: columns,
      recordPtr,
      firstSample: 0,
    });
    return { recordPtr, bags: batch.batchSize };
  }

  #allocate(bytes: number): number {
    const ptr = this.#allocator.allocate(alignLine(bytes));
    if (ptr < 0) throw new Error(`the bare kernel needs ${bytes} bytes of exchange memory more than there are`);
    return ptr;
  }
}
