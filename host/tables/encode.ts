import { dequantiseRows, quantiseRows, type RowDtype, rowBytes, WholeRows } from "../rows/rows.js";
import type { FileTable } from "./types.js";

/** Floats that are turned at a time. */
const BLOCK_VALUES = 65536;

/** The rows of a table as packed rows of `dtype`, whatever they are in their file. A chunk is valid until the next one is asked for. */
export function encodeRows(table: FileTable, dtype: RowDtype): AsyncIterable<Uint8Array> {
  if (table.packed) return table.dtype === dtype ? table.rows : repack(table.rows, { from: table.dtype, to: dtype, dim: table.dim });
  return dtype === "fp32" ? bytesOf(table.rows) : pack(table.rows, dtype, table.dim);
}

async function* bytesOf(chunks: AsyncIterable<Float32Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

async function* pack(chunks: AsyncIterable<Float32Array>, dtype: RowDtype, dim: number): AsyncGenerator<Uint8Array> {
  let packed: Uint8Array[] = [];
  const rows = new WholeRows<Float32Array>(new Float32Array(dim), (floats, _, count) => {
    const out = new Uint8Array(count * rowBytes(dtype, dim));
    quantiseRows(dtype, floats, dim, out);
    packed.push(out);
  });
  for await (const chunk of chunks) {
    rows.push(chunk);
    yield* packed;
    packed = [];
  }
}

async function* repack(
  chunks: AsyncIterable<Uint8Array>,
  { from, to, dim }: { from: RowDtype; to: RowDtype; dim: number },
): AsyncGenerator<Uint8Array> {
  let packed: Uint8Array[] = [];
  const bytes = rowBytes(from, dim);
  const blockRows = Math.max(1, Math.floor(BLOCK_VALUES / dim));
  const floats = new Float32Array(blockRows * dim);
  const rows = new WholeRows<Uint8Array>(new Uint8Array(bytes), (whole, _, count) => {
    for (let done = 0; done < count; done += blockRows) {
      const now = Math.min(blockRows, count - done);
      const values = floats.subarray(0, now * dim);
      dequantiseRows(from, whole.subarray(done * bytes, (done + now) * bytes), dim, values);
      const out = new Uint8Array(now * rowBytes(to, dim));
      quantiseRows(to, values, dim, out);
      packed.push(out);
    }
  });
  for await (const chunk of chunks) {
    rows.push(chunk);
    yield* packed;
    packed = [];
  }
}
