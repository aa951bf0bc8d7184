import { fileError } from "./fault.js";
import type { TableFile } from "./file.js";

/** Bytes that are read at once; longer fields are read by themselves when they are asked for, or never. */
const WINDOW_BYTES = 2 ** 16;
/** Fields that one file may have, a guard against files that are nothing but tiny fields. */
const MOST_FIELDS = 2 ** 24;
/** As many objects may come of them: an object takes more memory than a message of two bytes. */
const MOST_MESSAGES = 2 ** 19;
/** Numbers of one packed field: dims, axes, small constants. */
const MOST_INTEGERS = 2 ** 16;

/** Wire types: https://protobuf.dev/programming-guides/encoding/ */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

/** One field of a message. */
export interface ProtoField {
  number: number;
  wire: typeof VARINT | typeof FIXED64 | typeof BYTES | typeof FIXED32;
  /** Of a varint; else 0n. */
  value: bigint;
  /** Where the field's tag starts in the file. */
  tagAt: number;
  /** Where its content starts: a varint's bytes, a fixed number, or what stands behind the length. */
  start: number;
  end: number;
}

/** A message, or a field's content. */
export interface ProtoRange {
  start: number;
  end: number;
}

/** Reads protobuf messages from a file, field by field; contents are read when they are asked for. Errors name the file and the message. */
export class ProtoReader {
  readonly file: TableFile;
  #window = new Uint8Array(0);
  #windowAt = 0;
  #fields = 0;
  #messages = 0;

  constructor(file: TableFile) {
    this.file = file;
  }

  /** The fields of the message in a range, in the file's order. @throws EmbeddingError EMBEDDING_FILE */
  *fields(range: ProtoRange, what: string): Generator<ProtoField> {
    const { path } = this.file;
    for (let at = range.start; at < range.end; ) {
      this.#fields += 1;
      if (this.#fields > MOST_FIELDS) throw fileError(path, { got: `more than ${MOST_FIELDS} protobuf fields`, expected: "fewer" });
      const tag = this.#varint(at, range.end, what);
      const number = Number(tag.value >> 3n);
      const wire = Number(tag.value & 7n);
      if (number < 1 || (wire !== VARINT && wire !== FIXED64 && wire !== BYTES && wire !== FIXED32)) {
        throw fileError(path, { where: `${what}, byte ${at}`, got: `field ${number} of wire type ${wire}`, expected: "a protobuf field" });
      }
      const field: ProtoField = { number, wire, value: 0n, tagAt: at, start: tag.end, end: tag.end };
      if (wire === VARINT) ({ value: field.value, end: field.end } = this.#varint(tag.end, range.end, what));
      else if (wire === BYTES) {
        const length = this.#varint(tag.end, range.end, what);
        field.start = length.end;
        // Past 2^53 the sum is not exact, but far beyond any file.
        field.end = length.end + Number(length.value);
      } else field.end += wire === FIXED64 ? 8 : 4;
      if (field.end > range.end) {
        const got = `field ${number} of ${field.end - field.start} bytes`;
        throw fileError(path, {
          where: `${what}, byte ${at}`,
          got,
          expected: `at most ${range.end - field.start}: is the file truncated?`,
        });
      }
      yield field;
      at = field.end;
    }
  }

  /** To be called for each message that an object is made of. */
  count(): void {
    this.#messages += 1;
    if (this.#messages > MOST_MESSAGES) {
      throw fileError(this.file.path, { got: `more than ${MOST_MESSAGES} nodes, attributes, tensors and values`, expected: "fewer" });
    }
  }

  text({ start, end }: ProtoRange): string {
    return Buffer.from(this.bytes({ start, end })).toString("utf8");
  }

  bytes({ start, end }: ProtoRange): Uint8Array {
    if (end - start > WINDOW_BYTES) return this.file.readNow(start, end - start);
    this.#move(start, end);
    return this.#window.slice(start - this.#windowAt, end - this.#windowAt);
  }

  /** Whole numbers of a repeated int64 field: one, or packed. */
  integers(field: ProtoField, what: string): bigint[] {
    if (field.wire === VARINT) return [BigInt.asIntN(64, field.value)];
    if (field.wire !== BYTES) throw this.unexpected(field, what);
    if (field.end - field.start > MOST_INTEGERS) {
      throw fileError(this.file.path, {
        where: what,
        got: `${field.end - field.start} bytes of packed numbers`,
        expected: `at most ${MOST_INTEGERS}`,
      });
    }
    const values: bigint[] = [];
    for (let at = field.start; at < field.end; ) {
      const { value, end } = this.#varint(at, field.end, what);
      values.push(BigInt.asIntN(64, value));
      at = end;
    }
    return values;
  }

  /** The field with its content, which must be of the wire type BYTES. */
  message(field: ProtoField, what: string): ProtoRange {
    if (field.wire !== BYTES) throw this.unexpected(field, what);
    return field;
  }

  unexpected({ number, wire, tagAt }: ProtoField, what: string): Error {
    const where = `${what}, byte ${tagAt}`;
    return fileError(this.file.path, { where, got: `field ${number} of wire type ${wire}`, expected: "the wire type that ONNX has there" });
  }

  #varint(at: number, limit: number, what: string): { value: bigint; end: number } {
    this.#move(at, Math.min(limit, at + 10));
    let value = 0n;
    for (let n = 0; n < 10 && at + n < limit; n += 1) {
      const byte = this.#window[at + n - this.#windowAt];
      value |= BigInt(byte & 0x7f) << BigInt(7 * n);
      if (byte < 0x80) return { value: BigInt.asUintN(64, value), end: at + n + 1 };
    }
    throw fileError(this.file.path, { where: `${what}, byte ${at}`, got: "a number that does not end", expected: "a protobuf varint" });
  }

  /** Makes the window cover [start, end), which is no longer than it. */
  #move(start: number, end: number): void {
    if (start >= this.#windowAt && end <= this.#windowAt + this.#window.length) return;
    this.#windowAt = start;
    this.#window = this.file.readNow(start, Math.min(WINDOW_BYTES, this.file.sizeBytes - start));
  }
}
