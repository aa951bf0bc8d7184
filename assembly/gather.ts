/** Rows as they are, and the early touch that hides their latency. */
import { readU32, writeF32, writeV128 } from "./exchange";

/** Bytes of a cache line. Rows of 64 bytes and more start on one, see docs/memory.md. */
export const LINE_BYTES: usize = 64;

/** Takes the touched bytes so that no optimiser drops the touch. */
let sink: u32 = 0;

// The lines of a row as a type: each instance of touchLines keeps straight code for its number of lines.
type OneLine = u8;
type TwoLines = u16;
type FourLines = u32;
type AnyLines = u64;

/**
 * Loads a word of every cache line of the rows at indices [q, end), so that they are on their way when the pool needs them: wasm has
 * no prefetch. Checks each index before it becomes an address.
 *
 *     for q in [q, end) by indexBytes: if index(q) >= limit return q; touch row
 *
 * Returns 0, or the address of the first index that is out of range. `indexBytes` is 4 or 8; of 8 bytes the upper 4 must be 0.
 */
export function touchRows(rows: usize, stride: usize, limit: u32, q: usize, end: usize, indexBytes: usize): usize {
  if (stride <= LINE_BYTES) return touchLines<OneLine>(rows, stride, limit, q, end, indexBytes);
  if (stride == 2 * LINE_BYTES) return touchLines<TwoLines>(rows, stride, limit, q, end, indexBytes);
  if (stride == 4 * LINE_BYTES) return touchLines<FourLines>(rows, stride, limit, q, end, indexBytes);
  return touchLines<AnyLines>(rows, stride, limit, q, end, indexBytes);
}

function touchLines<Lines>(rows: usize, stride: usize, limit: u32, q: usize, end: usize, indexBytes: usize): usize {
  let seen: u32 = 0;
  for (; q < end; q += indexBytes) {
    const index = readU32(q);
    if (index >= limit) return q;
    if (indexBytes == 8) {
      if (readU32(q + 4) != 0) return q;
    }
    const row = rows + <usize>index * stride;
    seen ^= load<u32>(row);
    if (sizeof<Lines>() == sizeof<TwoLines>() || sizeof<Lines>() == sizeof<FourLines>()) seen ^= load<u32>(row, 64);
    if (sizeof<Lines>() == sizeof<FourLines>()) seen ^= load<u32>(row, 128) ^ load<u32>(row, 192);
    if (sizeof<Lines>() == sizeof<AnyLines>()) {
      for (let line: usize = LINE_BYTES; line < stride; line += LINE_BYTES) seen ^= load<u32>(row + line);
    }
  }
  sink = seen;
  return 0;
}

/** Touches the row at the index at q, if it is one: a hint, where the pool checks the index later. */
export function touchRow(rows: usize, stride: usize, limit: u32, q: usize): void {
  const index = readU32(q);
  if (index < limit) sink ^= load<u32>(rows + <usize>index * stride);
}

/** Copies `columns` floats of a row to the exchange memory. Both sides may be unaligned. */
export function copyRow(row: usize, columns: usize, out: usize): void {
  const whole = (columns >> 2) << 4;
  let byte: usize = 0;
  for (; byte + 64 <= whole; byte += 64) {
    writeV128(out + byte, v128.load(row + byte));
    writeV128(out + byte + 16, v128.load(row + byte, 16));
    writeV128(out + byte + 32, v128.load(row + byte, 32));
    writeV128(out + byte + 48, v128.load(row + byte, 48));
  }
  for (; byte < whole; byte += 16) writeV128(out + byte, v128.load(row + byte));
  for (const end = columns << 2; byte < end; byte += 4) writeF32(out + byte, load<f32>(row + byte));
}
