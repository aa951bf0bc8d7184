import type { ShardTarget } from "./store.js";
import type { TableWriter } from "./write.js";

/** Up to this many floats a loop is faster than a subarray and its set. */
const LOOP_FLOATS = 256;

/** Writes fp32 values, which come in row-major order, to the fp32 shards that hold them. */
export class FloatWriter implements TableWriter<Float32Array> {
  readonly #dim: number;
  readonly #shards: readonly { target: ShardTarget; floats: Float32Array }[];
  #value = 0;

  constructor(dim: number, targets: readonly ShardTarget[]) {
    this.#dim = dim;
    this.#shards = targets.map((target) => {
      const { buffer, byteOffset, byteLength } = target.bytes;
      return { target, floats: new Float32Array(buffer, byteOffset, byteLength / 4) };
    });
  }

  push(chunk: Float32Array): void {
    const dim = this.#dim;
    for (let at = 0; at < chunk.length; ) {
      const row = Math.floor(this.#value / dim);
      const column = this.#value % dim;
      const wholeRows = column === 0 ? Math.floor((chunk.length - at) / dim) : 0;
      const count = wholeRows > 0 ? wholeRows * dim : Math.min(dim - column, chunk.length - at);
      const part = chunk.subarray(at, at + count);
      for (const { target, floats } of this.#shards) {
        if (wholeRows > 0) this.#writeRows(target, floats, { row, count: wholeRows, values: part });
        else this.#writePart(target, floats, { row, column, values: part });
      }
      at += count;
      this.#value += count;
    }
  }

  #writeRows(
    { firstRow, rowCount, firstColumn, row: stored }: ShardTarget,
    floats: Float32Array,
    { row, count, values }: { row: number; count: number; values: Float32Array },
  ): void {
    const dim = this.#dim;
    const first = Math.max(row, firstRow);
    const end = Math.min(row + count, firstRow + rowCount);
    if (first >= end) return;
    const stride = stored.strideBytes / 4;
    const { columns } = stored;
    if (stride === dim && columns === dim) {
      floats.set(values.subarray((first - row) * dim, (end - row) * dim), (first - firstRow) * stride);
      return;
    }
    for (let r = first; r < end; r += 1) {
      const from = (r - row) * dim + firstColumn;
      const to = (r - firstRow) * stride;
      if (columns > LOOP_FLOATS) floats.set(values.subarray(from, from + columns), to);
      else for (let c = 0; c < columns; c += 1) floats[to + c] = values[from + c];
    }
  }

  #writePart(
    { firstRow, rowCount, firstColumn, row: stored }: ShardTarget,
    floats: Float32Array,
    { row, column, values }: { row: number; column: number; values: Float32Array },
  ): void {
    if (row < firstRow || row >= firstRow + rowCount) return;
    const first = Math.max(column, firstColumn);
    const end = Math.min(column + values.length, firstColumn + stored.columns);
    if (first >= end) return;
    const at = (row - firstRow) * (stored.strideBytes / 4) + (first - firstColumn);
    floats.set(values.subarray(first - column, end - column), at);
  }
}
