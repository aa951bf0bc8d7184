import { type RowDtype, rowBytes } from "./dtype.js";
import { quantiseRows } from "./quantise.js";
import type { ShardStore } from "./store.js";
import { WholeRows } from "./whole-rows.js";

/** Takes what a table's source gives, in its order; chunks may start and end within a row. */
export interface TableWriter<T> {
  push(chunk: T): void;
}

/** Packed bytes of quantised rows that are made at a time: they stay in a second-level cache. */
const BLOCK_BYTES = 65536;

/** Packed rows into the shards that hold their parts. */
export function packedWriter(dtype: RowDtype, dim: number, stores: readonly ShardStore[]): TableWriter<Uint8Array> {
  return new WholeRows(new Uint8Array(rowBytes(dtype, dim)), (packed, firstRow, count) => {
    for (const store of stores) store.write(packed, firstRow, count);
  });
}

/** Floats into shards of another format: quantised a block of rows at a time. */
export function quantisingWriter(dtype: RowDtype, dim: number, stores: readonly ShardStore[]): TableWriter<Float32Array> {
  const bytes = rowBytes(dtype, dim);
  const blockRows = Math.max(1, Math.floor(BLOCK_BYTES / bytes));
  const block = new Uint8Array(blockRows * bytes);
  return new WholeRows(new Float32Array(dim), (floats, firstRow, count) => {
    for (let done = 0; done < count; done += blockRows) {
      const now = Math.min(blockRows, count - done);
      const packed = block.subarray(0, now * bytes);
      quantiseRows(dtype, floats.subarray(done * dim, (done + now) * dim), dim, packed);
      for (const store of stores) store.write(packed, firstRow + done, now);
    }
  });
}
