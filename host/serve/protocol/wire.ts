import { invalid } from "./request-error.js";

/**
 * The protobuf wire format (https://protobuf.dev/programming-guides/encoding/), as far as inference messages need it. A message is
 * read in place: no object for an element, so that what a message can make the reader allocate is bounded by its size.
 */
export const WIRE = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const;

const MORE = 0x80;
const MAX_VARINT_BYTES = 10;
const TWO_32 = 2 ** 32;

/** Reads one message, field after field. @throws RequestError "invalid" when the bytes are no message */
export class WireReader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
  /** The field that next() has found. */
  field = 0;
  wire = 0;
  /** The latest varint: its low and high 32 bits, unsigned. */
  low = 0;
  high = 0;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Goes to the next field; false at the end. Its value has to be read or skipped. */
  next(): boolean {
    if (this.at >= this.end) return false;
    this.varint();
    this.field = this.low >>> 3;
    this.wire = this.low & 7;
    if (this.field === 0) throw broken("a field of number 0");
    return true;
  }

  /** Reads a varint into low and high. */
  varint(): void {
    let low = 0;
    let high = 0;
    for (let n = 0; n < MAX_VARINT_BYTES; n += 1) {
      if (this.at >= this.end) throw broken("a number that is cut off");
      const byte = this.bytes[this.at];
      this.at += 1;
      const bits = byte & 0x7f;
      if (n < 4) low |= bits << (7 * n);
      else if (n === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (7 * n - 32);
      if (byte < MORE) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw broken("a number of more than 10 bytes");
  }

  /** A varint as an int64 that fits a number. @throws RequestError when it does not */
  safeInteger(what: string): number {
    this.expect(WIRE.VARINT, what);
    this.varint();
    const value = (this.high | 0) * TWO_32 + this.low;
    if (!Number.isSafeInteger(value))
      throw invalid(`${what}: got ${BigInt(this.high | 0) * 2n ** 32n + BigInt(this.low)}, expected less than 2^53`);
    return value;
  }

  /** The extent of a length-delimited value; `at` is moved behind it. */
  extent(what: string): { start: number; end: number } {
    this.expect(WIRE.BYTES, what);
    this.varint();
    const start = this.at;
    if (this.high !== 0 || this.low > this.end - start) throw broken(`${what} is longer than its message`);
    this.at = start + this.low;
    return { start, end: this.at };
  }

  /** A length-delimited value as a reader. */
  message(what: string): WireReader {
    const { start, end } = this.extent(what);
    return new WireReader(this.bytes, start, end);
  }

  /** A string of at most `most` bytes. */
  text(what: string, most: number): string {
    const { start, end } = this.extent(what);
    if (end - start > most) throw invalid(`${what}: got ${end - start} bytes, expected at most ${most}`);
    return this.bytes.toString("utf8", start, end);
  }

  skip(): void {
    if (this.wire === WIRE.VARINT) this.varint();
    else if (this.wire === WIRE.BYTES) this.extent("a field");
    else if (this.wire === WIRE.FIXED64) this.jump(8);
    else if (this.wire === WIRE.FIXED32) this.jump(4);
    else throw broken(`wire type ${this.wire}`);
  }

  jump(bytes: number): void {
    if (bytes > this.end - this.at) throw broken("a field that is cut off");
    this.at += bytes;
  }

  expect(wire: number, what: string): void {
    if (this.wire !== wire) throw broken(`${what} has wire type ${this.wire} instead of ${wire}`);
  }
}

function broken(why: string) {
  return invalid(`message: not of the expected protobuf type: ${why}`);
}

/** Bytes of a varint. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value; left >= MORE; left = Math.floor(left / MORE)) bytes += 1;
  return bytes;
}

/** Writes fields into a buffer that has been sized for them. Numbers are not negative. */
export class WireWriter {
  readonly bytes: Buffer;
  at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  varint(value: number): void {
    let left = value;
    while (left >= MORE) {
      this.bytes[this.at] = (left % MORE) | MORE;
      left = Math.floor(left / MORE);
      this.at += 1;
    }
    this.bytes[this.at] = left;
    this.at += 1;
  }

  /** The head of a length-delimited field. */
  head(field: number, length: number): void {
    this.varint(field * 8 + WIRE.BYTES);
    this.varint(length);
  }

  text(field: number, value: string): void {
    this.head(field, Buffer.byteLength(value));
    this.at += this.bytes.write(value, this.at, "utf8");
  }
}

/** Bytes of a length-delimited field below number 16. */
export function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}
