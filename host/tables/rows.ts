import { type DirectRows, READ_BYTES } from "../direct.js";
import { decoderOf, ELEMENT_BYTES, type ElementType } from "./elements.js";
import type { TableFile } from "./file.js";
import { type ByteRange, readDirect, streamBytes } from "./stream.js";

/** Rows of floats that lie in a file as they are, row-major, or as another type of number. */
export interface StoredFloats {
  file: TableFile;
  offset: number;
  /** numRows * dim. */
  valueCount: number;
  type: ElementType;
}

/**
 * A row source for openEngine. Each iteration reads the file anew. A chunk is valid until the next one is asked for.
 * fp32 rows are also read straight to where they belong, see host/direct.ts.
 */
export function floatRows(stored: StoredFloats): AsyncIterable<Float32Array> {
  const { file, offset, valueCount, type } = stored;
  const range: ByteRange = { file, offset, count: valueCount * ELEMENT_BYTES[type] };
  const rows = { [Symbol.asyncIterator]: () => decodeChunks(streamBytes(range), type) };
  return type === "f32" ? { ...rows, ...directRows(range) } : rows;
}

/** Packed rows (see RowDtype) that lie in a file one behind the other: chunks of bytes. */
export function packedRows(range: ByteRange): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => streamBytes(range) };
}

/** 64-bit keys that lie in a file one behind the other. A chunk is valid until the next one is asked for. */
export function keyStream({ file, offset, count }: ByteRange): AsyncIterable<BigInt64Array> {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const bytes of streamBytes({ file, offset, count }))
        yield new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    },
  };
}

/** Chunks of whole elements -> chunks of floats. */
export async function* decodeChunks(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>, type: ElementType): AsyncGenerator<Float32Array> {
  const decode = decoderOf(type);
  let floats = new Float32Array(0);
  for await (const bytes of chunks) {
    const count = bytes.length / ELEMENT_BYTES[type];
    if (type === "f32") {
      yield new Float32Array(bytes.buffer, bytes.byteOffset, count);
      continue;
    }
    if (floats.length < count) floats = new Float32Array(count);
    const out = floats.subarray(0, count);
    decode(bytes, out);
    yield out;
  }
}

function directRows({ file, offset }: ByteRange): DirectRows {
  return {
    [READ_BYTES]: (first, bytes, onBytes) => readDirect({ file, offset: offset + first, count: bytes.length }, bytes, onBytes),
  };
}
