/** Rows as they are, and the early touch that hides their latency. */
import { readU32, writeF32, writeV128 } from "./exchange";

/** Bytes of a cache line. Rows of 64 bytes and more start on one, see docs/memory.md. */
export const LINE_BYTES: usize = 64;

/** Bytes of rows in a block that is touched ahead: enough misses to be worth a start and an end, few enough to stay in a second-level cache. */
const AHEAD_BYTES: usize = 32768;
const MIN_AHEAD_ROWS: usize = 4;
const MAX_AHEAD_ROWS: usize = 128;

// A small count as a type, its sizeof: each instance of a generic kernel keeps straight code for its count of lines or vectors.
export type One = u8;
export type Two = u16;
export type Four = u32;
export type Eight = u64;

/** Rows in a block that is touched ahead. */
export function aheadRows(stride: usize): usize {
  return max(MIN_AHEAD_ROWS, min(MAX_AHEAD_ROWS, AHEAD_BYTES / stride));
}

/**
 * Loads a byte of every cache line of the rows at indices [q, end), so that they are on their way when the pool needs them: wasm has
 * no prefetch. Checks each index before it becomes an address.
 *
 *     for q in [q, end) by indexBytes: if index(q) >= limit return q; touch row
 *
 * Returns 0, or the address of the first index that is out of range. `indexBytes` is 4 or 8; of 8 bytes the upper 4 must be 0.
 * What is loaded is dropped: a load may trap, so no compiler may leave it out; and what does not wait for it lets more misses be
 * under way at once.
 */
export function touchRows(rows: usize, stride: usize, limit: u32, q: usize, end: usize, indexBytes: usize): usize {
  return indexBytes == 4 ? touchBy<u32>(rows, stride, limit, q, end) : touchBy<u64>(rows, stride, limit, q, end);
}

function touchBy<Index>(rows: usize, stride: usize, limit: u32, q: usize, end: usize): usize {
  if (stride <= LINE_BYTES) return touchLines<Index, One>(rows, stride, limit, q, end);
  if (stride == 2 * LINE_BYTES) return touchLines<Index, Two>(rows, stride, limit, q, end);
  if (stride == 4 * LINE_BYTES) return touchLines<Index, Four>(rows, stride, limit, q, end);
  if (stride == 8 * LINE_BYTES) return touchLines<Index, Eight>(rows, stride, limit, q, end);
  return touchAnyLines<Index>(rows, stride, limit, q, end);
}

/** Whether an index is none of a row: too large, or, of 8 bytes, with something in its upper half. index: what stands at q, its lower half. */
// @ts-ignore: decorator
@inline
export function isOut(q: usize, index: u32, limit: u32, indexBytes: usize): bool {
  if (index >= limit) return true;
  return indexBytes == 8 && readU32(q + 4) != 0;
}

function touchLines<Index, Lines>(rows: usize, stride: usize, limit: u32, q: usize, end: usize): usize {
  const rowBytes = sizeof<Lines>() == sizeof<One>() ? stride : sizeof<Lines>() * LINE_BYTES;
  for (; q < end; q += sizeof<Index>()) {
    const index = readU32(q);
    if (isOut(q, index, limit, sizeof<Index>())) return q;
    const row = rows + <usize>index * rowBytes;
    load<u8>(row);
    if (sizeof<Lines>() >= sizeof<Two>()) load<u8>(row, 64);
    if (sizeof<Lines>() >= sizeof<Four>()) {
      load<u8>(row, 128);
      load<u8>(row, 192);
    }
    if (sizeof<Lines>() >= sizeof<Eight>()) {
      load<u8>(row, 256);
      load<u8>(row, 320);
      load<u8>(row, 384);
      load<u8>(row, 448);
    }
  }
  return 0;
}

function touchAnyLines<Index>(rows: usize, stride: usize, limit: u32, q: usize, end: usize): usize {
  const fours = stride & ~(4 * LINE_BYTES - 1);
  for (; q < end; q += sizeof<Index>()) {
    const index = readU32(q);
    if (isOut(q, index, limit, sizeof<Index>())) return q;
    let line = rows + <usize>index * stride;
    const rowEnd = line + stride;
    for (const foursEnd = line + fours; line < foursEnd; line += 4 * LINE_BYTES) {
      load<u8>(line);
      load<u8>(line, 64);
      load<u8>(line, 128);
      load<u8>(line, 192);
    }
    for (; line < rowEnd; line += LINE_BYTES) load<u8>(line);
  }
  return 0;
}

/** Touches the row at the index at q, if it is one: a hint, where the pool checks the index later. */
export function touchRow(rows: usize, stride: usize, limit: u32, q: usize): void {
  const index = readU32(q);
  if (index < limit) load<u8>(rows + <usize>index * stride);
}

/**
 * Copies the rows at indices [q, end), `columns` floats each, to rows outStride bytes apart in the exchange memory. The indices have
 * been checked. Both sides may be unaligned.
 */
export function copyRows(rows: usize, stride: usize, columns: usize, q: usize, end: usize, indexBytes: usize, out: usize, outStride: usize): void {
  if (columns == 4) copyVectors<One>(rows, stride, q, end, indexBytes, out, outStride);
  else if (columns == 8) copyVectors<Two>(rows, stride, q, end, indexBytes, out, outStride);
  else if (columns == 16) copyVectors<Four>(rows, stride, q, end, indexBytes, out, outStride);
  else if (columns == 32) copyVectors<Eight>(rows, stride, q, end, indexBytes, out, outStride);
  else for (; q < end; q += indexBytes, out += outStride) copyRow(rows + <usize>readU32(q) * stride, columns, out);
}

function copyVectors<Vectors>(rows: usize, stride: usize, q: usize, end: usize, indexBytes: usize, out: usize, outStride: usize): void {
  for (; q < end; q += indexBytes, out += outStride) {
    const row = rows + <usize>readU32(q) * stride;
    writeV128(out, v128.load(row));
    if (sizeof<Vectors>() >= sizeof<Two>()) writeV128(out + 16, v128.load(row, 16));
    if (sizeof<Vectors>() >= sizeof<Four>()) {
      writeV128(out + 32, v128.load(row, 32));
      writeV128(out + 48, v128.load(row, 48));
    }
    if (sizeof<Vectors>() >= sizeof<Eight>()) {
      writeV128(out + 64, v128.load(row, 64));
      writeV128(out + 80, v128.load(row, 80));
      writeV128(out + 96, v128.load(row, 96));
      writeV128(out + 112, v128.load(row, 112));
    }
  }
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
