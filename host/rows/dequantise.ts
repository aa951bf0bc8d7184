import { codeBytes, type RowDtype, rowBytes, valueBits } from "./dtype.js";
import { halfValues } from "./half.js";
import { checkWhole } from "./whole.js";

/**
 * Unpacks whole rows of rowBytes(dtype, dim) bytes each. Defines the bits that every lookup over such rows gives:
 *
 *     fp32, fp16        the value itself
 *     int8, int4, int2  fround(fround(scale * code) + bias)
 *
 * @throws EmbeddingError EMBEDDING_OPTIONS when `out` is no whole number of rows, or `packed` not as long as its rows
 */
export function dequantiseRows(dtype: RowDtype, packed: Uint8Array, dim: number, out: Float32Array): void {
  const count = checkWhole("dequantiseRows", { dtype, dim, floats: out, packed });
  if (dtype === "fp32") {
    new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(packed);
    return;
  }
  const halves = halfValues();
  if (dtype === "fp16") {
    for (let n = 0; n < out.length; n += 1) out[n] = halves[packed[2 * n] | (packed[2 * n + 1] << 8)];
    return;
  }
  const bytes = rowBytes(dtype, dim);
  const codes = codeBytes(dtype, dim);
  const bits = valueBits(dtype);
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let row = 0; row < count; row += 1) {
    const at = row * bytes;
    const tail = at + codes;
    const scale = dtype === "int8" ? view.getFloat32(tail, true) : halves[view.getUint16(tail, true)];
    const bias = dtype === "int8" ? view.getFloat32(tail + 4, true) : halves[view.getUint16(tail + 2, true)];
    for (let n = 0; n < dim; n += 1) {
      const code = (packed[at + Math.floor(n / perByte)] >>> ((n % perByte) * bits)) & mask;
      // Storing to a Float32Array is the second fround.
      out[row * dim + n] = Math.fround(scale * code) + bias;
    }
  }
}
