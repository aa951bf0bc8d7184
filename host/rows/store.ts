import { codeBytes, type RowDtype, rowBytes, valueBits } from "./dtype.js";
import { halfValues } from "./half.js";
import { HalvesSeen } from "./halves-seen.js";
import { type StoredRow, scalesPlace } from "./stored.js";

/** A rectangle of a table and the bytes that hold it. */
export interface ShardTarget {
  firstRow: number;
  rowCount: number;
  firstColumn: number;
  row: StoredRow;
  /** The shard's memory, from its first row on: storedBytes(row, rowCount). */
  bytes: Uint8Array;
}

/** Up to this many bytes a loop is faster than a subarray and its set. */
const LOOP_BYTES = 96;

/** Writes the part of packed rows that one shard holds. Scale and bias are those of the whole row, wherever the columns are cut: so are the bits. */
export class ShardStore {
  readonly #dtype: RowDtype;
  readonly #target: ShardTarget;
  /** Bytes of a packed row, and of its codes. */
  readonly #rowBytes: number;
  readonly #tailByte: number;
  /** The first column's byte within the row, and its first bit there. */
  readonly #firstByte: number;
  readonly #firstBit: number;
  readonly #codeBytes: number;
  readonly #words: DataView;
  readonly #halves = new HalvesSeen();
  readonly #scales: { offsetBytes: number; strideBytes: number };

  constructor(dim: number, target: ShardTarget) {
    const { row, bytes, firstColumn } = target;
    const firstBit = firstColumn * valueBits(row.dtype);
    this.#dtype = row.dtype;
    this.#target = target;
    this.#rowBytes = rowBytes(row.dtype, dim);
    this.#tailByte = codeBytes(row.dtype, dim);
    this.#firstByte = Math.floor(firstBit / 8);
    this.#firstBit = firstBit % 8;
    this.#codeBytes = codeBytes(row.dtype, row.columns);
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#scales = scalesPlace(row, bytes.length);
  }

  /** Whether the shard's values are halves, and such that the kernel for finite ones serves. */
  get hasOrdinaryHalves(): boolean {
    return this.#dtype === "fp16" && this.#halves.areOrdinary;
  }

  /** Takes rows [firstRow, firstRow + count) of the table; `packed` holds them whole, one behind the other. */
  write(packed: Uint8Array, firstRow: number, count: number): void {
    const { row: stored, firstRow: shardFirst, rowCount } = this.#target;
    const tail = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
    const first = Math.max(firstRow, shardFirst);
    const end = Math.min(firstRow + count, shardFirst + rowCount);
    if (this.#dtype === "fp32" && stored.strideBytes === this.#rowBytes && first < end) {
      const whole = packed.subarray((first - firstRow) * this.#rowBytes, (end - firstRow) * this.#rowBytes);
      this.#target.bytes.set(whole, (first - shardFirst) * stored.strideBytes);
      return;
    }
    for (let row = first; row < end; row += 1) {
      const from = (row - firstRow) * this.#rowBytes;
      const own = row - shardFirst;
      this.#writeCodes(packed, from + this.#firstByte, own * stored.strideBytes);
      if (stored.scales !== "none")
        this.#writeScale(tail, from + this.#tailByte, this.#scales.offsetBytes + own * this.#scales.strideBytes);
    }
  }

  #writeCodes(packed: Uint8Array, from: number, to: number): void {
    const { bytes } = this.#target;
    const count = this.#codeBytes;
    const bit = this.#firstBit;
    if (this.#dtype === "fp16") {
      for (let n = 0; n < count; n += 2) {
        bytes[to + n] = packed[from + n];
        bytes[to + n + 1] = packed[from + n + 1];
        this.#halves.see(packed[from + n] | (packed[from + n + 1] << 8));
      }
    } else if (bit !== 0) {
      // The next byte is there always: scale and bias follow the codes. Codes past the shard's last column are never looked at.
      for (let n = 0; n < count; n += 1) bytes[to + n] = (packed[from + n] >>> bit) | (packed[from + n + 1] << (8 - bit));
    } else if (count > LOOP_BYTES) {
      bytes.set(packed.subarray(from, from + count), to);
    } else {
      for (let n = 0; n < count; n += 1) bytes[to + n] = packed[from + n];
    }
  }

  #writeScale(packed: DataView, from: number, to: number): void {
    if (this.#dtype === "int8") {
      this.#words.setUint32(to, packed.getUint32(from));
      this.#words.setUint32(to + 4, packed.getUint32(from + 4));
      return;
    }
    const halves = halfValues();
    this.#words.setFloat32(to, halves[packed.getUint16(from, true)], true);
    this.#words.setFloat32(to + 4, halves[packed.getUint16(from + 2, true)], true);
  }
}
