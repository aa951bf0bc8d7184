/** The kernel alone: one table, one job, memories of its own, at addresses that a test chooses. No engine, no threads. */
import { type KernelExports, LAYOUT, NO_PADDING, STATIC_BYTES } from "#host/memory/abi.js";
import { createMemory, instantiateKernel, loadKernel, type MemoryMode } from "#host/memory/kernel.js";
import type { Pooling } from "#host/options.js";
import type { ReferenceBatch, ReferenceTable } from "#host/reference.js";
import { storedRow } from "#host/rows/stored.js";

const POOLING_CODES: Record<Pooling, number> = {
  sum: LAYOUT.POOL_SUM,
  mean: LAYOUT.POOL_MEAN,
  max: LAYOUT.POOL_MAX,
  none: LAYOUT.POOL_NONE,
};
const MEMORY_BYTES = 2 ** 23;
/** What lies around the output before a run; a kernel that writes too much breaks it. */
const CANARY = 0x5a;

/** What a run gave. */
export interface Run {
  status: number;
  /** The pooled rows, or with pooling "none" the rows of all bags, one after the other. */
  values: Float32Array;
  /** Position of the bad index that was noted; with status 0 meaningless. */
  badPosition: number;
}

export interface RunOptions {
  pooling: Pooling;
  /** Bytes by which every array in the exchange memory is moved off its line: 0 to 15. */
  shiftBytes: number;
}

type Module = ReturnType<typeof loadKernel>;
type Memory = ReturnType<typeof createMemory>;

const modules = new Map<MemoryMode, Module>();

function moduleOf(mode: MemoryMode): Module {
  const module = modules.get(mode) ?? loadKernel(mode);
  modules.set(mode, module);
  return module;
}

/** One table in a kernel's memory. */
export class Rig {
  readonly #table: ReferenceTable;
  readonly #exchange: Memory;
  readonly #kernel: KernelExports;
  readonly #strideBytes: number;
  readonly #exchangeStart: number;

  constructor(mode: MemoryMode, table: ReferenceTable) {
    const tables = createMemory(MEMORY_BYTES);
    this.#exchange = mode === "one" ? tables : createMemory(MEMORY_BYTES);
    this.#kernel = instantiateKernel(moduleOf(mode), tables, this.#exchange);
    this.#table = table;
    this.#strideBytes = storedRow("fp32", table.dim).strideBytes;
    const rowsEnd = STATIC_BYTES + table.numRows * this.#strideBytes;
    if (rowsEnd > MEMORY_BYTES) throw new Error(`the table takes ${rowsEnd} bytes, expected at most ${MEMORY_BYTES}`);
    this.#exchangeStart = mode === "one" ? Math.ceil(rowsEnd / 64) * 64 : STATIC_BYTES;
    for (let row = 0; row < table.numRows; row += 1) {
      const values = table.rows.subarray(row * table.dim, (row + 1) * table.dim);
      new Float32Array(tables.buffer, STATIC_BYTES + row * this.#strideBytes, table.dim).set(values);
    }
  }

  /** Pools a batch of one feature. @throws Error when the kernel wrote beside its output */
  run(batch: ReferenceBatch, { pooling, shiftBytes }: RunOptions): Run {
    const { buffer } = this.#exchange;
    let end = this.#exchangeStart;
    const take = (bytes: number, shift = 0): number => {
      const at = end + shift;
      end = Math.ceil((at + bytes) / 64) * 64;
      return at;
    };
    const put = (data: Int32Array | BigInt64Array | Float32Array): number => {
      const at = take(data.byteLength, shiftBytes);
      new Uint8Array(buffer, at, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return at;
    };
    const words = (at: number, fields: Record<number, number>): void => {
      const view = new DataView(buffer);
      for (const [byte, value] of Object.entries(fields)) view.setUint32(at + Number(byte), value, true);
    };
    const { dim, numRows } = this.#table;
    const job = take(LAYOUT.JOB_BYTES);
    const piece = take(LAYOUT.PIECE_BYTES);
    const featureMap = take(LAYOUT.FEATURE_MAP_BYTES);
    const error = take(LAYOUT.ERROR_BYTES);
    new Uint8Array(buffer, job, end - job).fill(0);
    const outBytes = (pooling === "none" ? batch.indices.length : batch.batchSize) * dim * 4;
    const guarded = take(outBytes + 128, shiftBytes);
    new Uint8Array(buffer, guarded, outBytes + 128).fill(CANARY);
    const out = guarded + 64;
    words(job, {
      [LAYOUT.JOB_POOLING]: POOLING_CODES[pooling],
      [LAYOUT.JOB_ROWS_PTR]: STATIC_BYTES,
      [LAYOUT.JOB_STRIDE_BYTES]: this.#strideBytes,
      [LAYOUT.JOB_COLUMNS]: dim,
      [LAYOUT.JOB_ROW_COUNT]: numRows,
      [LAYOUT.JOB_NUM_ROWS]: numRows,
      [LAYOUT.JOB_PADDING]: NO_PADDING,
      [LAYOUT.JOB_TABLE_COLUMNS]: dim,
    });
    words(piece, {
      [LAYOUT.PIECE_BATCH_SIZE]: batch.batchSize,
      [LAYOUT.PIECE_INDICES_PTR]: put(batch.indices),
      [LAYOUT.PIECE_INDEX_BYTES]: batch.indices.BYTES_PER_ELEMENT,
      [LAYOUT.PIECE_OFFSETS_PTR]: put(batch.offsets),
      [LAYOUT.PIECE_WEIGHTS_PTR]: batch.weights === undefined ? 0 : put(batch.weights),
      [LAYOUT.PIECE_FEATURE_MAP_PTR]: featureMap,
    });
    words(featureMap, { [LAYOUT.FEATURE_SLOT]: 0, [LAYOUT.FEATURE_TARGET]: pooling === "none" ? out : 0 });
    const status = this.#kernel.poolPiece(job, 1, piece, 0, batch.batchSize, pooling === "none" ? 0 : out, dim * 4, 0, 0, 0, error);
    const around = new Uint8Array(buffer, guarded, outBytes + 128);
    if (!around.every((byte, at) => (at >= 64 && at < 64 + outBytes) || byte === CANARY))
      throw new Error("the kernel wrote beside its output");
    return {
      status,
      values: new Float32Array(new Uint8Array(buffer, out, outBytes).slice().buffer),
      badPosition: new DataView(buffer).getUint32(error + LAYOUT.ERROR_POSITION, true),
    };
  }
}
