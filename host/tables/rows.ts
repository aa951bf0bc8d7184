import { type DirectRows, READ_BYTES } from "../direct.js";
import { decoderOf, ELEMENT_BYTES, type ElementType } from "./elements.js";
import type { TableFile } from "./file.js";
import { type ByteRange, bytesNow, readDirect, streamBytes } from "./stream.js";

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
 * fp32 rows are also read straight to where they belong, see host/direct.ts. Without `await` the iteration blocks while it reads.
 */
export function floatRows(stored: StoredFloats): AsyncIterable<Float32Array> & Iterable<Float32Array> {
  const { file, offset, valueCount, type } = stored;
  const range: ByteRange = { file, offset, count: valueCount * ELEMENT_BYTES[type] };
  const rows = {
    [Symbol.asyncIterator]: () => decodeChunks(streamBytes(range), type),
    [Symbol.iterator]: () => decodeNow(range, type),
  };
  return type === "f32" ? { ...rows, ...directRows(range) } : rows;
}

/** Packed rows (see RowDtype) that lie in a file one behind the other: chunks of bytes. */
export function packedRows(range: ByteRange): AsyncIterable<Uint8Array> & Iterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => streamBytes(range), [Symbol.iterator]: () => bytesNow(range) };
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
  const decode = chunkDecoder(type);
  for await (const bytes of chunks) yield decode(bytes);
}

function* decodeNow(range: ByteRange, type: ElementType): Generator<Float32Array> {
  const decode = chunkDecoder(type);
  for (const bytes of bytesNow(range)) yield decode(bytes);
}

/** A chunk of whole elements -> floats, in a buffer that the next chunk overwrites, or where they are. */
function chunkDecoder(type: ElementType): (bytes: Uint8Array<ArrayBuffer>) => Float32Array {
  const decode = decoderOf(type);
  let floats = new Float32Array(0);
  return (bytes) => {
    const count = bytes.length / ELEMENT_BYTES[type];
    if (type === "f32") return new Float32Array(bytes.buffer, bytes.byteOffset, count);
    if (floats.length < count) floats = new Float32Array(count);
    const out = floats.subarray(0, count);
    decode(bytes, out);
    return out;
  };
}

function directRows({ file, offset }: ByteRange): DirectRows {
  return {
    [READ_BYTES]: (first, bytes, onBytes) => readDirect({ file, offset: offset + first, count: bytes.length }, bytes, onBytes),
  };
}
